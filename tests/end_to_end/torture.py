"""Kill runs again and again at random moments with SIGKILL, go on with them, and compare what they come to, bit by bit.

`python tests/end_to_end/torture.py --kills 100` does it to every case in turn; a seed repeats the choice of moments.
"""

import argparse
import importlib
import itertools
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np

import gmcore
from gmcore.app import open_run, resume
from gmcore.app.commands.cross_validate import cross_validate
from gmcore.app.commands.train import train
from gmcore.app.records.record import read_record
from gmcore.domain import CheckpointConfig, Hooks
from gmcore.domain.tree import tree_flatten
from gmcore.errors import InputError
from gmcore.storage.checkpoint import Checkpoints

RUN = """
seed = 3
backend = {{ use = "{backend}", device = "cpu" }}

[data]
use = "csv"
path = "rows.csv"
target = "y"

[model]
use = "mlp"
hidden = [8]
dropout = 0.2

[training]
max_epochs = 10
batch_size = 8
early_stopping = {{ patience = 8 }}
checkpoint = {{ seconds = inf, every_steps = 5, every_epochs = 1 }}
members_per_chunk = 2
{training}

[validation]
use = "kfold"
n_splits = 3
"""

CACHED = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}

# How far into a run it is killed at the latest: there is less and less left of one that is gone on with.
SHARE = 0.7

CALLS = ("open", "write", "ftruncate", "fsync", "replace", "unlink", "mkdir")


@attrs.frozen
class Case:
    """One kind of run: a command, on a backend, with more lines for the run file's `[training]`."""

    command: str
    backend: str
    training: str = ""


CASES = {
    f"{command} on {backend}": Case(command, backend)
    for command, backend in itertools.product(("train", "validate"), ("metal", "jax"))
} | {f"streamed train on {backend}": Case("train", backend, "row_memory = 1024") for backend in ("metal", "jax")}


@attrs.define
class Moments:
    """Counts what a process does: each batch it enqueues and each system call that touches files."""

    fatal: int | None = None
    count: int = 0

    def pass_one(self, last_act: Callable[[], object] = lambda: None) -> None:
        self.count += 1
        if self.count == self.fatal:
            last_act()
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Count this process's calls from now on."""
        for name in CALLS:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name, call):
        def counted(*arguments, **options):
            # A write may be cut in the middle; the others happen or don't.
            half = (lambda: call(arguments[0], arguments[1][: len(arguments[1]) // 2])) if name == "write" else None
            self.pass_one(*([half] if half else []))
            return call(*arguments, **options)

        return counted


@attrs.frozen(kw_only=True)
class Attempt:
    """How a process went: whether it was killed, how many moments it passed, and how many seconds it trained."""

    killed: bool
    moments: int
    seconds: float


def in_a_process(
    work: Callable[[Hooks], object], *, fatal: int | None = None, patience: float | None = None
) -> Attempt:
    """Do `work` in a child, which is killed at its `fatal`-th moment, or `patience` seconds after its first batch."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _be_the_child(work, Moments(fatal), writer)
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as told:
        told.read(1)
        begun = time.perf_counter()
        if patience is not None and not select.select([told], [], [], patience)[0]:
            os.kill(child, signal.SIGKILL)
        seconds, moments = time.perf_counter() - begun, told.read()
        _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return Attempt(killed=True, moments=0, seconds=seconds)
    if status:
        raise RuntimeError(f"a process ended with status {status}")
    return Attempt(killed=False, moments=int(moments), seconds=time.perf_counter() - begun)


def _be_the_child(work: Callable[[Hooks], object], moments: Moments, writer: int) -> None:
    tell, seen = os.write, []

    def batch(_):
        if not seen:
            seen.append(tell(writer, b"."))
        moments.pass_one()

    try:
        moments.watch()
        work(Hooks(batch_end=(batch,)))
        tell(writer, str(moments.count).encode())
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run in the child
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def work_on(run_file: Path, case: Case, runs: Path) -> Callable[[Hooks], object]:
    """Return what goes on with the run under `runs`, or begins one."""
    folder = next(runs.iterdir(), None) if runs.exists() else None

    def work(hooks: Hooks) -> None:
        if folder is not None:
            resume(folder, hooks=hooks, say=_refuse)
            return
        begin = train if case.command == "train" else cross_validate
        begin(open_run(run_file), runs=runs, hooks=hooks, say=_refuse)

    return work


def _refuse(text: str) -> None:
    raise RuntimeError(f"nothing should have been said, got: {text}")


def outcome(runs: Path) -> dict[str, object]:
    """Return all that a run came to, without what differs between equal runs."""
    (folder,) = runs.iterdir()
    report = json.loads((folder / "result.json").read_text())
    found = {name: report[name] for name in sorted(set(report) - {"run", "model", "seconds", "profile"})}
    found["log"] = (folder / "metrics.jsonl").read_text()
    for snapshot in Checkpoints(folder=folder / "checkpoints", config=CheckpointConfig()).latest():
        for name, leaf in tree_flatten(snapshot.arrays).items():
            found[f"chunk {snapshot.chunk}: {name}"] = (leaf.dtype.str, leaf.shape, leaf.tobytes())
    model = folder / "model.safetensors"
    return found | ({"model": model.read_bytes()} if model.exists() else {})


def status(runs: Path) -> str:
    """Return how the run under `runs` stands, and clear away what was killed before it was a run."""
    folder = next(runs.iterdir(), None) if runs.exists() else None
    if folder is None:
        return "none"
    try:
        return read_record(folder).status
    except InputError:
        assert not (folder / "checkpoints").exists(), f"{folder} has checkpoints and can't be gone on with"
        shutil.rmtree(folder)
        return "none"


def torture(case: Case, *, kills: int, seed: int, place: Path) -> str:
    """Kill runs of one case so many times, hold every one against a run that nobody stopped, and say how it went."""
    run_file, choose = _files(case, place), random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    whole = place / "whole"
    undisturbed = in_a_process(work_on(run_file, case, whole))
    expected, killed, finished, runs = outcome(whole), 0, 0, place / "run-0"
    while killed < kills or status(runs) != "none":
        work, share = work_on(run_file, case, runs), SHARE * choose.random()
        if killed == kills:
            in_a_process(work)
        elif choose.random() < 0.5:
            killed += in_a_process(work, fatal=1 + int(share * undisturbed.moments)).killed
        else:
            killed += in_a_process(work, patience=share * undisturbed.seconds).killed
        if status(runs) == "done":
            found = outcome(runs)
            different = [name for name in expected if found.get(name) != expected[name]]
            assert found.keys() == expected.keys(), f"{runs} has other results: {found.keys() ^ expected.keys()}"
            assert not different, f"{runs} differs from {whole} in {different}"
            finished += 1
            runs = place / f"run-{finished}"
    return f"{killed} kills, {finished} runs, all with the bits of the run that nobody stopped"


def import_once(case: Case) -> None:
    """Import what takes long before the forks; no backend is made, so none of its threads is there."""
    registry = gmcore.float32
    for names, name in (
        (registry.backends, case.backend),
        (registry.data_providers, "csv"),
        (registry.model_providers, "mlp"),
        (registry.cross_validators, "kfold"),
    ):
        names[name]
    importlib.import_module("polars")


def _files(case: Case, place: Path) -> Path:
    points = np.random.default_rng(0).normal(size=(120, 3))
    lines = [f"{a},{b},{c},{'yes' if a + b * c > 0 else 'no'}" for a, b, c in points]
    (place / "rows.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    (place / "run.toml").write_text(RUN.format(backend=case.backend, training=case.training))
    return place / "run.toml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="over all cases together")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--case", choices=CASES, action="append")
    options = parser.parse_args()
    names = options.case or list(CASES)
    print(f"seed {options.seed}", flush=True)  # noqa: T201 - a script
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        for name, value in {**CACHED, "JAX_COMPILATION_CACHE_DIR": f"{folder}/jax"}.items():
            os.environ.setdefault(name, value)
        for place, name in enumerate(names):
            import_once(CASES[name])
            kills = options.kills // len(names) + (place < options.kills % len(names))
            path = Path(folder, str(place))
            path.mkdir()
            said = torture(CASES[name], kills=kills, seed=options.seed + place, place=path)
            print(f"{name}: {said}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
