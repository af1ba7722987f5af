"""Train for many steps and tell, as JSON, what was compiled, read and held in memory meanwhile."""

import json
import os
import sys
from pathlib import Path

import numpy as np

import gmcore
from gmcore.domain import Hooks, Member, WorkflowConfig
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.optimizers import AdamW
from gmcore.nn.schedules import Cosine
from gmcore.ports import TrainingTask
from gmcore.testing import GuardedBackend, TinyModel, two_moons
from gmcore.training import GradientDescent

STEPS_AN_EPOCH = 50


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(name: str, steps: int) -> None:
    backend = GuardedBackend(inner=gmcore.float32.backends.create(name, device="cpu"))
    rows = two_moons(16 * STEPS_AN_EPOCH)
    epochs, seen = steps // STEPS_AN_EPOCH, []

    def look(moment):
        if moment.epoch in (2, epochs) or moment.epoch % (epochs // 10) == 0:
            seen.append({"epoch": moment.epoch, "compilations": backend.compilations, "resident": resident()})

    task = TrainingTask(
        model=TinyModel(schema=rows.schema),
        rows=rows,
        backend=backend.inner,
        optimizer=AdamW(learning_rate=1e-3),
        schedule=Cosine(),
        gradients=Backpropagation(),
        config=WorkflowConfig(max_epochs=epochs, batch_size=16),
        hooks=Hooks(epoch_end=(look,)),
    )
    GradientDescent().train(backend.guard(task), [Member(train=np.arange(len(rows)))])
    print(json.dumps({"seen": seen, "epochs": backend.epochs, "reads": backend.reads}))  # noqa: T201 - a script


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
