"""The compiled programs that train a chunk of a fleet."""

from collections.abc import Callable
from functools import cache, partial

import attrs

from gmcore.domain import Array, Tree, WorkflowConfig
from gmcore.nn.optimizers.packing import packing_of
from gmcore.ports import Backend, GradientStrategy, Model, Optimizer, TrainingTask
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.fleet.scoring import ScoringProgram, scoring_program
from gmcore.training.fleet.steps.averaging import trained_weights
from gmcore.training.fleet.steps.scheduled_settings import Places, buffers_of_settings
from gmcore.training.fleet.steps.step import EvaluationStep, evaluation_step, training_step
from gmcore.training.fleet.stopping.early_stopping import end_of_epoch, feedback_of, summary_columns
from gmcore.training.fleet.stopping.stop_metrics import StopMetrics
from gmcore.training.fleet.stopping.watched_metric import WatchedMetric
from gmcore.training.fleet.trees import (
    Carry,
    Common,
    EvaluationBatches,
    EvaluationInputs,
    EvaluationShared,
    State,
    Summary,
    Totals,
    TrainingBatches,
    TrainingShared,
)

__all__ = ["Programs", "evaluation_inputs"]


TrainSteps = Callable[[Carry, TrainingBatches, int, Tree, Common], Carry]
ZeroTotals = Callable[[Carry], Totals]
Evaluate = Callable[[Totals, EvaluationBatches, int, EvaluationInputs, Common], Totals]
EndEpoch = Callable[[Carry, Totals, State, Array | None], tuple[Carry, State, Summary]]
CompleteEpoch = Callable[
    [Carry, TrainingBatches, int, EvaluationBatches | None, int, State, Tree, Common],
    tuple[Carry, State, Summary],
]


@attrs.frozen(kw_only=True, eq=False)
class Programs:
    """The compiled programs of a task; chunks of one size share them, and so do tasks that differ in rows alone.

    A `length` is the number of steps in the batches before it; what follows in them is padding.

    Attributes:
        metrics: the metrics of the stop rows that follow from sums.
        columns: names of the numbers of an epoch's summary.
        train_steps: `(carry, batches, length, buffers, common) -> carry`: some steps of an epoch.
        zero_totals: `(carry) -> totals`: the totals before any stop row.
        evaluate: `(totals, batches, length, inputs, common) -> totals`: adds the totals of some stop rows.
        end_epoch: `(carry, totals, state, watched) -> (carry, state, summary)`.
        complete_epoch: `(carry, batches, length, stop_batches, stop_length, state, buffers, common) -> (carry,
            state, summary)`: training, evaluation and the end as one, for the last steps of an epoch, if early stopping
            does not compare a metric; `stop_batches` is None without any stop rows.
        copy: `(carry, state) -> (carry, state)`: copies that outlive the originals, whose memory is reused.
        watched: the metric that early stopping compares; None for the stop loss.
        predict: `(totals, batches, length, inputs, common) -> (totals, predictions)`, for such a metric.
    """

    metrics: StopMetrics
    columns: tuple[str, ...]
    train_steps: TrainSteps
    zero_totals: ZeroTotals
    evaluate: Evaluate
    end_epoch: EndEpoch
    complete_epoch: CompleteEpoch
    copy: Callable[[Carry, State], tuple[Carry, State]]
    watched: WatchedMetric | None = None
    predict: ScoringProgram | None = None

    @classmethod
    def of(cls, task: TrainingTask) -> "Programs":
        """Return the programs of a task; each is compiled when it is first called."""
        backend, model, optimizer, config = task.backend, task.model, task.optimizer, task.config
        gradients, feedback = task.gradients, feedback_of(task.schedule)
        metrics, watched = StopMetrics.of(task), WatchedMetric.of(task)
        places = buffers_of_settings(model, task.schedules, optimizer)
        depends_on = (
            "training",
            model,
            optimizer,
            gradients,
            feedback,
            (config.early_stopping, config.clip_norm, config.clip_value, config.gradient_norms),
            tuple(places.items()),
            metrics.metrics,
            metrics.outputs,
            metrics.shape,
            metrics.targets,
        )

        def compiled() -> "Programs":
            return cls._compiled(
                backend,
                metrics,
                columns=summary_columns(config),
                train_steps=_train_steps(model, optimizer, gradients, backend, config, places),
                evaluate=_evaluate(evaluation_step(model, backend, metrics), backend),
                # Compiled by itself, for libraries that run `complete_epoch` uncompiled because it contains loops.
                end_epoch=backend.compile(end_of_epoch(config, feedback, backend.xp), members=(0, 0, 0, 0)),
            )

        programs = cached_program(backend, depends_on, compiled)
        if watched is None:
            return programs
        return attrs.evolve(programs, watched=watched, predict=scoring_program(backend, model))

    @classmethod
    def _compiled(
        cls,
        backend: Backend,
        metrics: StopMetrics,
        *,
        columns: tuple[str, ...],
        train_steps: TrainSteps,
        evaluate: Evaluate,
        end_epoch: EndEpoch,
    ) -> "Programs":
        def zero_totals(carry: Carry) -> Totals:
            loss = backend.xp.zeros_like(carry["loss"])
            return {"loss": loss, "by_metric": metrics.zero_sums(loss.shape[0])}

        def complete_epoch(
            carry: Carry,
            batches: TrainingBatches,
            length: int,
            stop_batches: EvaluationBatches | None,
            stop_length: int,
            state: State,
            buffers: Tree,
            common: Common,
        ) -> tuple[Carry, State, Summary]:
            carry = train_steps(carry, batches, length, buffers, common)
            if stop_batches is None:
                return end_epoch(carry, {"loss": backend.xp.zeros_like(carry["loss"]), "by_metric": {}}, state, None)
            inputs = evaluation_inputs(carry, state, buffers)
            totals = evaluate(zero_totals(carry), stop_batches, stop_length, inputs, common)
            return end_epoch(carry, totals, state, None)

        return cls(
            metrics=metrics,
            columns=columns,
            train_steps=backend.compile(
                train_steps, loops=True, donate=(0,), members=(0, 1, None, 0, None), lengths=(2,)
            ),
            zero_totals=backend.compile(zero_totals, members=(0,)),
            evaluate=backend.compile(evaluate, loops=True, members=(0, 1, None, 0, None), lengths=(2,)),
            end_epoch=end_epoch,
            complete_epoch=backend.compile(
                complete_epoch,
                loops=True,
                donate=(0, 5),
                members=(0, 1, None, 1, None, 0, 0, None),
                lengths=(2, 4),
            ),
            copy=backend.compile(lambda carry, state: (carry, state), members=(0, 0)),
        )


def evaluation_inputs(carry: Carry, state: State, buffers: Tree) -> EvaluationInputs:
    """Return what the stop rows are evaluated with: the weights, and the centers of the metrics' sums."""
    weights = trained_weights(carry)
    current = weights.get("buffers", buffers)
    if "center" in state:
        return {"buffers": current, "center": state["center"], "params": weights["params"]}
    return {"buffers": current, "params": weights["params"]}


def _train_steps(
    model: Model,
    optimizer: Optimizer,
    gradients: GradientStrategy,
    backend: Backend,
    config: WorkflowConfig,
    places: Places,
) -> TrainSteps:
    make = partial(training_step, model, optimizer, gradients, backend, config=config, places=places)
    step = make()
    # Kept, because a backend keeps what it has compiled for a step only as long as the step exists.
    packed_step = cache(lambda packing: make(packing=packing))

    def train_steps(carry: Carry, batches: TrainingBatches, length: int, buffers: Tree, common: Common) -> Carry:
        shared: TrainingShared = {**common, "buffers": buffers}
        packing = packing_of(carry["params"], optimizer, backend)
        if packing is None:
            return backend.scan(step, carry, batches, shared, length)[0]
        packed = _converted(carry, lambda tree: packing.packed(tree, backend.xp))
        after = backend.scan(packed_step(packing), packed, batches, shared, length)[0]
        return _converted(after, lambda array: packing.unpacked(array, backend.xp))

    return train_steps


def _converted(carry: Carry, convert: Callable[[Tree], Tree]) -> Carry:
    """Return a carry with its parameters, and what the optimizer keeps of each, converted."""
    state = {name: convert(kept) for name, kept in carry["optimizer"].items()}
    converted: Carry = {**carry, "params": convert(carry["params"]), "optimizer": state}
    if "average" in carry:
        converted["average"] = {**carry["average"], "params": convert(carry["average"]["params"])}
    return converted


def _evaluate(step: EvaluationStep, backend: Backend) -> Evaluate:
    def evaluate(
        totals: Totals, batches: EvaluationBatches, length: int, inputs: EvaluationInputs, common: Common
    ) -> Totals:
        shared: EvaluationShared = {**common, **inputs}
        return backend.scan(step, totals, batches, shared, length)[0]

    return evaluate
