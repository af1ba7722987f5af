"""Trains eight members at once in a process without the memory for them; prints what happened as JSON.

The limit leaves the memory of about six members, as the estimate counts them, and of what XLA needs besides.
"""

import json
import resource
from pathlib import Path

import attrs
import numpy as np

import gmcore
from gmcore.domain import Hooks, Member, WorkflowConfig
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.optimizers import AdamW
from gmcore.nn.schedules import Cosine
from gmcore.ports import TrainingTask
from gmcore.testing.fakes import TinyModel, two_moons
from gmcore.training import GradientDescent
from gmcore.training.chunks import plan_chunks

MEMBERS = [Member(index=index, train=np.arange(63, 203), stop=np.arange(63), seed=3) for index in range(8)]


def main() -> None:
    rows, halved = two_moons(203), []
    task = TrainingTask(
        model=TinyModel(schema=rows.schema, hidden=50_000),
        rows=rows,
        backend=gmcore.float32.backends.create("jax", device="cpu"),
        optimizer=AdamW(learning_rate=0.01),
        schedule=Cosine(),
        gradients=Backpropagation(),
        config=WorkflowConfig(max_epochs=2, batch_size=70, members_per_chunk=1),
        hooks=Hooks(out_of_memory=(lambda moment: halved.append([moment.tried, moment.at_once]),)),
    )
    alone = GradientDescent().train(task, MEMBERS)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    used = 1024 * int(status.partition("VmSize:")[2].split()[0])
    limit = used + 6 * plan_chunks(task, 1).member
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    together = attrs.evolve(task, config=attrs.evolve(task.config, members_per_chunk=8))
    found = GradientDescent().train(together, MEMBERS)
    same = [one.final_loss == other.final_loss for one, other in zip(found, alone, strict=True)]
    print(json.dumps({"halved": halved, "same": all(same)}))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
