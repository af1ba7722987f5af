"""The compiled programs that move a chunk of a fleet on."""

from collections.abc import Callable
from typing import Any

import attrs

from gmcore.domain import Tree
from gmcore.ports import TrainingTask
from gmcore.training.early_stopping import end_of_epoch
from gmcore.training.step import evaluation_step, training_step

__all__ = ["Programs", "seen"]


@attrs.frozen(kw_only=True, eq=False)
class Programs:
    """The compiled programs of a task; chunks of one size share them.

    Attributes:
        task: whose they are.
        segment: `(carry, plan, shared) -> carry`: some steps.
        look: `(loss, plan, seen) -> loss`: the loss of some of the stop rows, on top of that of those before.
        finish: `(carry, stop_loss, state, number) -> (carry, state, summary)`: the end of an epoch.
        epoch: `(carry, plan, stop_plan, state, number, shared) -> (carry, state, summary)`: all three at once,
            from an epoch's last steps on; `stop_plan` is None where no member has stop rows.
    """

    task: TrainingTask
    segment: Callable[..., Any]
    look: Callable[..., Any]
    finish: Callable[..., Any]
    epoch: Callable[..., Any]

    @classmethod
    def of(cls, task: TrainingTask) -> "Programs":
        """Return the programs of a task; nothing is compiled before its first call."""
        backend = task.backend
        step = training_step(task.model, task.optimizer, backend)
        glance = evaluation_step(task.model, backend, predictions=False)
        finish = backend.compile(end_of_epoch(task.config.early_stopping, backend.xp))

        def segment(carry: Any, plan: Any, shared: Any) -> Any:
            return backend.scan(step, carry, plan, shared)[0]

        def look(loss: Any, plan: Any, seen: Any) -> Any:
            return backend.scan(glance, loss, plan, seen)[0]

        def epoch(carry: Any, plan: Any, stop_plan: Any, state: Any, number: Any, shared: Any) -> Any:
            carry = segment(carry, plan, shared)
            loss = backend.xp.zeros_like(carry["loss"])
            if stop_plan is not None:
                loss = look(loss, stop_plan, seen(carry, shared))
            return finish(carry, loss, state, number)

        return cls(
            task=task,
            segment=backend.compile(segment, loops=True, donate=(0,)),
            look=backend.compile(look, loops=True),
            finish=finish,
            epoch=backend.compile(epoch, loops=True, donate=(0, 3)),
        )


def seen(carry: Tree, shared: Tree) -> Tree:
    """Return what the evaluation step shares: the rows, and the weights as they are."""
    return {**shared, **{name: carry[name] for name in ("params", "buffers") if name in carry}}
