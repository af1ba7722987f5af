"""Microseconds per training step: gmcore's whole loop compared with the same step hand-written in the library.

Both sides train the same networks on the same rows on the device with Adam, standardise each batch with each member's
own statistics, and gather batches by shuffled indices. gmcore's side is all of `GradientDescent.train`: shuffling,
history, hooks and the end of every epoch. The hand-written side is the fastest form in the library: in JAX one
`lax.scan` per epoch with a donated carry, in MLX a compiled step with `async_eval`; its indices are computed in
advance. The two take turns. A round counts by its median epoch, and results are medians over rounds; the ratio is the
median of the ratios of the rounds.

    python benchmarks/steps.py [--backend metal] [--backend jax] [--device cpu] [--quick] [--network TEXT]
        [--fleet N] [--steps N] [--rounds N] [--json FILE]
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import attrs
import numpy as np
from by_hand import BY_HAND

import gmcore
from gmcore.domain import Feature, Hooks, Member, Rows, Schema, Target, TargetKind, WorkflowConfig
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.optimizers import Adam
from gmcore.nn.schedules import Constant
from gmcore.ports import TrainingTask
from gmcore.training import GradientDescent


@attrs.frozen
class Case:
    """A network, its batch size, and the number of steps per epoch and of epochs to time."""

    sizes: tuple[int, ...]
    batch: int
    steps: int
    epochs: int

    @property
    def title(self):
        return f"{'-'.join(map(str, self.sizes))} batch {self.batch}"


CASES = (Case((10, 16, 2), 8, 256, 24), Case((64, 128, 64, 10), 64, 64, 12), Case((256, 512, 512, 10), 256, 16, 5))
FLEETS = (1, 10, 50)


def rows_of(case):
    rng = np.random.default_rng(0)
    count = case.batch * case.steps
    inputs, classes = rng.normal(size=(count, case.sizes[0])), case.sizes[-1]
    schema = Schema(
        features=tuple(Feature(name=f"x{place}") for place in range(case.sizes[0])),
        target=Target(names=("y",), kind=TargetKind.MULTICLASS, classes=tuple(map(str, range(classes)))),
    )
    return Rows(schema=schema, inputs={"numeric": inputs}, targets=rng.integers(0, classes, count).astype(np.int32))


def gmcore_epochs(case, fleet, backend, rows):
    """Return microseconds per step of each epoch of gmcore's loop but the first two."""
    model = gmcore.float32.model_providers.create("mlp", hidden=case.sizes[1:-1]).create(rows.schema)
    moments = []
    task = TrainingTask(
        model=model,
        rows=rows,
        backend=backend,
        optimizer=Adam(learning_rate=1e-3),
        schedule=Constant(),
        gradients=Backpropagation(),
        config=WorkflowConfig(max_epochs=case.epochs, batch_size=case.batch, members_per_chunk=fleet),
        hooks=Hooks(epoch_end=(lambda _: moments.append(time.perf_counter()),)),
    )
    members = [Member(index=place, train=np.arange(len(rows))) for place in range(fleet)]
    GradientDescent().train(task, members)
    # The first epoch compiles, and the second may still be slower.
    return np.diff(moments)[1:] / case.steps * 1e6


def measured(case, fleet, backend, rounds):
    rows = rows_of(case)
    by_hand = BY_HAND[backend.name](case.sizes, case.batch, case.steps, fleet, rows, backend.device)
    by_hand(case.epochs)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(statistics.median(gmcore_epochs(case, fleet, backend, rows)))
        theirs.append(statistics.median(by_hand(case.epochs)[1:]))
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return statistics.median(ours), statistics.median(theirs), statistics.median(ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", action="append", choices=sorted(BY_HAND))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--network", default="", help="only networks whose title contains this")
    parser.add_argument("--steps", type=int, help="steps per epoch of all networks; default: 256, 64 and 16")
    parser.add_argument("--fleet", action="append", type=int, help="only fleets of this size")
    parser.add_argument("--quick", action="store_true", help="only the smallest network")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    table = []
    print(f"{'backend':8} {'device':6} {'network':32} {'fleet':>5} {'gmcore us':>10} {'by hand us':>10} {'ratio':>6}")
    for name in asked.backend or sorted(set(BY_HAND) & set(gmcore.float32.backends)):
        backend = gmcore.float32.backends.create(name, device=asked.device)
        for short in CASES[: 1 if asked.quick else None]:
            # Epochs on a GPU are short, so a stable median needs more of them.
            case = short if backend.device == "cpu" else attrs.evolve(short, epochs=4 * short.epochs)
            if asked.network not in case.title:
                continue
            case = attrs.evolve(case, steps=asked.steps or case.steps)
            for fleet in asked.fleet or FLEETS:
                ours, theirs, ratio = measured(case, fleet, backend, asked.rounds)
                print(f"{name:8} {backend.device:6} {case.title:32} {fleet:5} {ours:10.1f} {theirs:10.1f} {ratio:6.3f}")
                sys.stdout.flush()
                row = {"backend": name, "device": backend.device, "network": case.title, "fleet": fleet}
                row |= {"steps": case.steps, "rounds": asked.rounds}
                table.append({**row, "gmcore_us": ours, "by_hand_us": theirs, "ratio": ratio})
    if asked.json:
        asked.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
