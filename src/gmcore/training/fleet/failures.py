"""Why a member's training failed: the failed step, computed once more."""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

import attrs
import numpy as np

from gmcore.domain import Array, Failure, Snapshot, Tree
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.ports import Backend, GradientStrategy, Model, TrainingTask
from gmcore.training.fleet.members import initial_arrays
from gmcore.training.fleet.plan import TrainingPlan
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.fleet.programs import Programs
from gmcore.training.fleet.row_source import RowSource, common_arrays
from gmcore.training.fleet.segments import Position, training_segments
from gmcore.training.fleet.steps.scheduled_settings import Places, buffers_of_settings
from gmcore.training.fleet.steps.step import fleet_gradient
from gmcore.training.fleet.trees import Carry, Common, SnapshotArrays, TrainingBatches, Weights

__all__ = ["FAILURE_WIDTH", "diagnose", "failures_from_table", "failures_to_table"]

T = TypeVar("T")

_COLUMNS = ("epoch", "step", "loss", "largest_gradient", "largest_weight", "learning_rate")
FAILURE_WIDTH = 2 + len(_COLUMNS)
"""The numbers per failure in a snapshot."""
_STEPS_PER_CALL = 256


def diagnose(
    task: TrainingTask,
    programs: Programs,
    rows: RowSource,
    plan: TrainingPlan,
    *,
    place: int,
    steps: int,
    rate_scales: np.ndarray,
    weights: Weights,
    snapshot: Snapshot | None,
) -> Failure:
    """Return at which step a member failed, and its loss, gradient and weights there.

    If the loss of a step was not finite, the member still has the weights from before that step. If the loss was
    finite and the gradient or the new weights were not, those weights are lost, so the member is trained up to that
    step once more, alone.

    Args:
        task: the chunk's.
        programs: the chunk's.
        rows: where the task's rows are.
        plan: the chunk's.
        place: the member's place in the chunk.
        steps: optimizer steps that the member took in all.
        rate_scales: factor of the planned learning rates in each of the member's epochs, `(epochs,)`.
        weights: the chunk's.
        snapshot: an earlier one of the chunk, to train again from; None to train from the start.
    """
    alone = attrs.evolve(plan, members=[plan.members[place]], settings=_member(plan.settings, place))
    own: Weights = {
        "params": _member(weights["params"], place),
        "buffers": _member(weights["buffers"], place),
        "shared": weights["shared"],
    }
    if not _finite(own["params"]):
        steps -= 1
        start = None if snapshot is None else _start_from(task, snapshot, place)
        again = _trained_again(task, programs, rows, alone, steps=steps, rate_scales=rate_scales, start=start)
        own = task.backend.to_numpy(again)
    return _failure_at(task, rows, alone, own, steps=steps, rate_scales=rate_scales)


def failures_to_table(failures: Mapping[int, Failure], params: Tree) -> np.ndarray:
    """Return failures by place as numbers, `(failures, 8)` float64, for a snapshot."""
    names = list(tree_flatten(params))
    table = [
        [place, names.index(failure.parameter), *(getattr(failure, name) for name in _COLUMNS)]
        for place, failure in failures.items()
    ]
    return np.array(table, np.float64).reshape(-1, FAILURE_WIDTH)


def failures_from_table(table: np.ndarray, params: Tree) -> dict[int, Failure]:
    """Return the failures by place that `failures_to_table` got."""
    names = list(tree_flatten(params))
    return {
        int(place): Failure(
            epoch=int(epoch),
            step=int(step),
            parameter=names[int(parameter)],
            **dict(zip(_COLUMNS[2:], numbers, strict=True)),
        )
        for place, parameter, epoch, step, *numbers in table.tolist()
    }


def _start_from(task: TrainingTask, snapshot: Snapshot, place: int) -> tuple[Position, Carry] | None:
    """Return a member's carry in a snapshot, on the device, and where it is from; None if it had failed by then."""
    carry = _member(cast("SnapshotArrays", snapshot.arrays)["carry"], place)
    return (Position(snapshot.epoch, snapshot.step), task.backend.asarray(carry)) if _finite(carry) else None


def _trained_again(
    task: TrainingTask,
    programs: Programs,
    rows: RowSource,
    alone: TrainingPlan,
    *,
    steps: int,
    rate_scales: np.ndarray,
    start: tuple[Position, Carry] | None,
) -> Weights:
    """Return a member's weights after so many optimizer steps in all, on the device."""
    carry, _, buffers, shared = initial_arrays(task, alone.members)
    position, carry = start or (Position(), carry)
    common = common_arrays(rows, shared)
    for segment in training_segments(alone, rows, length=_STEPS_PER_CALL, start=position):
        count = min(segment.end, steps - segment.epoch * alone.steps_per_epoch) - segment.start
        if count <= 0:
            break
        if segment.start == 0:
            carry = _at_start_of_epoch(carry, task, rate_scales[segment.epoch])
        carry = programs.train_steps(carry, segment.batches, count, buffers, common)
    return {"params": carry["params"], "buffers": carry.get("buffers", buffers), "shared": shared}


def _at_start_of_epoch(carry: Carry, task: TrainingTask, rate_scale: float) -> Carry:
    """Return a member's carry as the end of the epoch before has left it."""
    of_epoch = [
        name for name in ("loss", "steps", "train_weight", "norm_sum", "norm_max", "norm_count") if name in carry
    ]
    sums = {name: task.backend.xp.zeros_like(carry[name]) for name in of_epoch}
    scale = {"rate_scale": task.backend.asarray(np.array([rate_scale]))} if "rate_scale" in carry else {}
    return cast("Carry", {**carry, **sums, **scale})


def _failure_at(
    task: TrainingTask,
    rows: RowSource,
    alone: TrainingPlan,
    weights: Weights,
    *,
    steps: int,
    rate_scales: np.ndarray,
) -> Failure:
    """Return the numbers of the step after `steps` steps, of a member with the weights from before it."""
    epoch, step = divmod(steps, alone.steps_per_epoch)
    batches = rows.gather(tree_map(lambda leaf: leaf[step : step + 1], alone.epoch(epoch)))
    loss, gradients = _gradient(task, rows, weights, tree_map(lambda leaf: leaf[0], batches))
    sizes = _largest_values(gradients)
    # NaN counts as the largest.
    parameter = max(sizes, key=lambda name: np.inf if np.isnan(sizes[name]) else sizes[name])
    return Failure(
        epoch=epoch + 1,
        step=step + 1,
        loss=loss,
        largest_gradient=sizes[parameter],
        parameter=parameter,
        largest_weight=max(_largest_values(weights["params"]).values()),
        learning_rate=float(alone.learning_rates(epoch)[step, 0] * rate_scales[epoch]),
    )


def _gradient(task: TrainingTask, rows: RowSource, weights: Weights, x: TrainingBatches) -> tuple[float, Tree]:
    """Return a member's mean loss in one step and its gradient, on the host."""
    backend, model = task.backend, task.model
    places = buffers_of_settings(model, task.schedules, task.optimizer)
    compiled = lambda: _compiled_gradient(model, task.gradients, backend, places)
    gradient = cached_program(backend, ("gradient", model, task.gradients, tuple(task.schedules)), compiled)
    params, buffers, shared, x = backend.asarray((weights["params"], weights["buffers"], weights["shared"], x))
    loss, _, _, gradients = backend.to_numpy(gradient(params, buffers, x, common_arrays(rows, shared)))
    return float(loss), gradients


def _compiled_gradient(
    model: Model, strategy: GradientStrategy, backend: Backend, places: Places
) -> Callable[[Tree, Tree, TrainingBatches, Common], tuple[Array, Array, Tree, Tree]]:
    gradient = fleet_gradient(model, strategy, backend, places)
    return backend.compile(lambda params, buffers, x, common: gradient(params, buffers, x, common, None))


def _member(tree: T, place: int) -> T:
    return tree_map(lambda leaf: leaf[place : place + 1], tree)


def _finite(tree: Tree) -> bool:
    return all(np.isfinite(leaf).all() for leaf in tree_leaves(tree))


def _largest_values(tree: Tree) -> dict[str, float]:
    """Return the largest absolute value of each leaf, by its path."""
    return {name: float(np.abs(leaf).max(initial=0.0)) for name, leaf in tree_flatten(tree).items()}
