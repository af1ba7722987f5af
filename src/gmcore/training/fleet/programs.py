"""The compiled programs that move a chunk of a fleet on."""

from collections.abc import Callable
from typing import Any

import attrs

from gmcore.domain import EarlyStoppingConfig, Tree
from gmcore.ports import Backend, Model, Optimizer, TrainingTask
from gmcore.training.fleet.early_stopping import end_of_epoch
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.fleet.step import evaluation_step, training_step
from gmcore.training.fleet.stop_metrics import StopMetrics

__all__ = ["Programs", "seen"]


@attrs.frozen(kw_only=True, eq=False)
class Programs:
    """The compiled programs of a task; chunks of one size share them, and so do tasks that differ in rows alone.

    Attributes:
        segment: `(carry, plan, buffers, rows) -> carry`: some steps; `rows` are the resident ones.
        metrics: of the stop rows.
        nothing: `(carry) -> totals`: what looking at the stop rows starts from.
        look: `(totals, plan, seen, rows) -> totals`: the loss and the metrics' sums of some of the stop rows, on top of
            those of the ones before.
        finish: `(carry, totals, state) -> (carry, state, summary)`: the end of an epoch.
        epoch: `(carry, plan, stop_plan, state, buffers, rows) -> (carry, state, summary)`: all three at once,
            from an epoch's last steps on; `stop_plan` is None where no member has stop rows.
        copy: `(carry, state) -> (carry, state)`, which stay what they are when the ones given are given up.
    """

    metrics: StopMetrics
    segment: Callable[..., Any]
    nothing: Callable[..., Any]
    look: Callable[..., Any]
    finish: Callable[..., Any]
    epoch: Callable[..., Any]
    copy: Callable[..., Any]

    @classmethod
    def of(cls, task: TrainingTask) -> "Programs":
        """Return the programs of a task; nothing is compiled before its first call."""
        backend, model, optimizer, config = task.backend, task.model, task.optimizer, task.config.early_stopping
        metrics = StopMetrics.of(task)
        of = ("training", model, optimizer, config, metrics.metrics, metrics.width, metrics.targets)
        return cached_program(backend, of, lambda: cls._compiled(backend, model, optimizer, config, metrics))

    @classmethod
    def _compiled(
        cls,
        backend: Backend,
        model: Model,
        optimizer: Optimizer,
        config: EarlyStoppingConfig | None,
        metrics: StopMetrics,
    ) -> "Programs":
        step, glance = training_step(model, optimizer, backend), evaluation_step(model, backend, metrics)
        finish = backend.compile(end_of_epoch(config, backend.xp), members=(0, 0, 0))

        def segment(carry: Any, plan: Any, buffers: Any, rows: Any) -> Any:
            return backend.scan(step, carry, plan, {**rows, "buffers": buffers})[0]

        def nothing(carry: Any) -> Any:
            loss = backend.xp.zeros_like(carry["loss"])
            return {"loss": loss, **metrics.nothing(loss.shape[0])}

        def look(totals: Any, plan: Any, seen: Any, rows: Any) -> Any:
            return backend.scan(glance, totals, plan, {**rows, **seen})[0]

        def epoch(carry: Any, plan: Any, stop_plan: Any, state: Any, buffers: Any, rows: Any) -> Any:
            carry = segment(carry, plan, buffers, rows)
            if stop_plan is None:
                return finish(carry, {"loss": backend.xp.zeros_like(carry["loss"])}, state)
            totals = look(nothing(carry), stop_plan, seen(carry, state, buffers), rows)
            return finish(carry, totals, state)

        return cls(
            metrics=metrics,
            segment=backend.compile(segment, loops=True, donate=(0,), members=(0, 1, 0, None)),
            nothing=backend.compile(nothing, members=(0,)),
            look=backend.compile(look, loops=True, members=(0, 1, 0, None)),
            finish=finish,
            epoch=backend.compile(epoch, loops=True, donate=(0, 3), members=(0, 1, 1, 0, 0, None)),
            copy=backend.compile(lambda carry, state: (carry, state), members=(0, 0)),
        )


def seen(carry: Tree, state: Tree, buffers: Tree) -> Tree:
    """Return what the evaluation step shares beside the rows: the weights as they are, and where metrics start from."""
    center = {"center": state["center"]} if "center" in state else {}
    return {"buffers": buffers, **center, **{name: carry[name] for name in ("params", "buffers") if name in carry}}
