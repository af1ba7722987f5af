"""The compiled programs that move a chunk of a fleet on."""

from collections.abc import Callable
from typing import Any

import attrs

from gmcore.ports import TrainingTask
from gmcore.training.early_stopping import end_of_epoch
from gmcore.training.step import evaluation_step, training_step

__all__ = ["Programs"]


@attrs.frozen(kw_only=True, eq=False)
class Programs:
    """The compiled programs of a task; chunks of one size share them.

    Attributes:
        task: whose they are.
        segment: `(carry, plan, shared) -> carry`: some steps.
        epoch: `(carry, plan, stop_plan, state, number, shared) -> (carry, state, summary)`: an
            epoch's last steps, the look at the stop rows, and the end of the epoch.
    """

    task: TrainingTask
    segment: Callable[..., Any]
    epoch: Callable[..., Any]

    @classmethod
    def of(cls, task: TrainingTask) -> "Programs":
        """Return the programs of a task; nothing is compiled before its first call."""
        backend, model = task.backend, task.model
        step = training_step(model, task.optimizer, backend)
        look = evaluation_step(model, backend, predictions=False)
        finish = backend.compile(end_of_epoch(task.config.early_stopping, backend.xp))

        def segment(carry: Any, plan: Any, shared: Any) -> Any:
            return backend.scan(step, carry, plan, shared)[0]

        def epoch(carry: Any, plan: Any, stop_plan: Any, state: Any, number: Any, shared: Any) -> Any:
            carry = segment(carry, plan, shared)
            zeros = {name: backend.xp.zeros_like(carry[name]) for name in ("loss", "weight")}
            seen = {"inputs": shared["inputs"], "targets": shared["targets"]}
            seen |= {"params": carry["params"], "buffers": carry["buffers"]}
            sums, _ = backend.scan(look, zeros, stop_plan, seen)
            return finish(carry, sums, state, number)

        return cls(
            task=task,
            segment=backend.compile(segment, loops=True, donate=(0,)),
            epoch=backend.compile(epoch, loops=True, donate=(0, 3)),
        )
