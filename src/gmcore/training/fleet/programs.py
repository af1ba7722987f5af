"""The compiled programs that train a chunk of a fleet."""

from collections.abc import Callable

import attrs

from gmcore.domain import Tree
from gmcore.ports import Backend, TrainingTask
from gmcore.training.fleet.early_stopping import end_of_epoch
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.fleet.step import EvaluationStep, TrainingStep, evaluation_step, training_step
from gmcore.training.fleet.stop_metrics import StopMetrics
from gmcore.training.fleet.trees import (
    Carry,
    EvaluationBatches,
    EvaluationInputs,
    EvaluationShared,
    ResidentRows,
    State,
    Summary,
    Totals,
    TrainingBatches,
    TrainingShared,
)

__all__ = ["Programs", "evaluation_inputs"]


TrainSteps = Callable[[Carry, TrainingBatches, Tree, ResidentRows], Carry]
ZeroTotals = Callable[[Carry], Totals]
Evaluate = Callable[[Totals, EvaluationBatches, EvaluationInputs, ResidentRows], Totals]
EndEpoch = Callable[[Carry, Totals, State], tuple[Carry, State, Summary]]
CompleteEpoch = Callable[
    [Carry, TrainingBatches, EvaluationBatches | None, State, Tree, ResidentRows], tuple[Carry, State, Summary]
]


@attrs.frozen(kw_only=True, eq=False)
class Programs:
    """The compiled programs of a task; chunks of one size share them, and so do tasks that differ in rows alone.

    Attributes:
        metrics: the metrics of the stop rows.
        train_steps: `(carry, batches, buffers, resident_rows) -> carry`: some steps of an epoch.
        zero_totals: `(carry) -> totals`: the totals before any stop row.
        evaluate: `(totals, batches, inputs, resident_rows) -> totals`: adds the totals of some stop rows.
        end_epoch: `(carry, totals, state) -> (carry, state, summary)`.
        complete_epoch: `(carry, batches, stop_batches, state, buffers, resident_rows) -> (carry, state, summary)`: the
            four programs above as one, for the last steps of an epoch; `stop_batches` is None without any stop rows.
        copy: `(carry, state) -> (carry, state)`: copies that outlive the originals, whose memory is reused.
    """

    metrics: StopMetrics
    train_steps: TrainSteps
    zero_totals: ZeroTotals
    evaluate: Evaluate
    end_epoch: EndEpoch
    complete_epoch: CompleteEpoch
    copy: Callable[[Carry, State], tuple[Carry, State]]

    @classmethod
    def of(cls, task: TrainingTask) -> "Programs":
        """Return the programs of a task; each is compiled when it is first called."""
        backend, model, optimizer, config = task.backend, task.model, task.optimizer, task.config.early_stopping
        metrics = StopMetrics.of(task)
        depends_on = ("training", model, optimizer, config, metrics.metrics, metrics.width, metrics.targets)

        def compiled() -> "Programs":
            return cls._compiled(
                backend,
                metrics,
                train_steps=_train_steps(training_step(model, optimizer, backend), backend),
                evaluate=_evaluate(evaluation_step(model, backend, metrics), backend),
                # Compiled by itself, for libraries that run `complete_epoch` uncompiled because it contains loops.
                end_epoch=backend.compile(end_of_epoch(config, backend.xp), members=(0, 0, 0)),
            )

        return cached_program(backend, depends_on, compiled)

    @classmethod
    def _compiled(
        cls, backend: Backend, metrics: StopMetrics, *, train_steps: TrainSteps, evaluate: Evaluate, end_epoch: EndEpoch
    ) -> "Programs":
        def zero_totals(carry: Carry) -> Totals:
            loss = backend.xp.zeros_like(carry["loss"])
            return {"loss": loss, "by_metric": metrics.zero_sums(loss.shape[0])}

        def complete_epoch(
            carry: Carry,
            batches: TrainingBatches,
            stop_batches: EvaluationBatches | None,
            state: State,
            buffers: Tree,
            rows: ResidentRows,
        ) -> tuple[Carry, State, Summary]:
            carry = train_steps(carry, batches, buffers, rows)
            if stop_batches is None:
                return end_epoch(carry, {"loss": backend.xp.zeros_like(carry["loss"]), "by_metric": {}}, state)
            totals = evaluate(zero_totals(carry), stop_batches, evaluation_inputs(carry, state, buffers), rows)
            return end_epoch(carry, totals, state)

        return cls(
            metrics=metrics,
            train_steps=backend.compile(train_steps, loops=True, donate=(0,), members=(0, 1, 0, None)),
            zero_totals=backend.compile(zero_totals, members=(0,)),
            evaluate=backend.compile(evaluate, loops=True, members=(0, 1, 0, None)),
            end_epoch=end_epoch,
            complete_epoch=backend.compile(complete_epoch, loops=True, donate=(0, 3), members=(0, 1, 1, 0, 0, None)),
            copy=backend.compile(lambda carry, state: (carry, state), members=(0, 0)),
        )


def evaluation_inputs(carry: Carry, state: State, buffers: Tree) -> EvaluationInputs:
    """Return what the stop rows are evaluated with: the current weights, and the centers of the metrics' sums."""
    current = carry.get("buffers", buffers)
    if "center" in state:
        return {"buffers": current, "center": state["center"], "params": carry["params"]}
    return {"buffers": current, "params": carry["params"]}


def _train_steps(step: TrainingStep, backend: Backend) -> TrainSteps:
    def train_steps(carry: Carry, batches: TrainingBatches, buffers: Tree, rows: ResidentRows) -> Carry:
        shared: TrainingShared = {**rows, "buffers": buffers}
        return backend.scan(step, carry, batches, shared)[0]

    return train_steps


def _evaluate(step: EvaluationStep, backend: Backend) -> Evaluate:
    def evaluate(totals: Totals, batches: EvaluationBatches, inputs: EvaluationInputs, rows: ResidentRows) -> Totals:
        shared: EvaluationShared = {**rows, **inputs}
        return backend.scan(step, totals, batches, shared)[0]

    return evaluate
