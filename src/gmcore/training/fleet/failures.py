"""Why a member stopped learning, looked into when it has."""

from typing import Any

import attrs
import numpy as np

from gmcore.domain import Failure, Snapshot, Tree
from gmcore.domain.tree import tree_flatten, tree_leaves, tree_map
from gmcore.ports import TrainingTask
from gmcore.training.fleet.members import begin
from gmcore.training.fleet.plan import TrainingPlan
from gmcore.training.fleet.program_cache import cached_program
from gmcore.training.fleet.programs import Programs
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.segments import segments
from gmcore.training.fleet.step import fleet_gradient

__all__ = ["diagnose", "packed", "unpacked"]

_NUMBERS = ("epoch", "step", "loss", "largest_gradient", "largest_weight", "learning_rate")
_STEPS_AT_ONCE = 256


def diagnose(
    task: TrainingTask,
    programs: Programs,
    rows: RowSource,
    plan: TrainingPlan,
    place: int,
    *,
    steps: int,
    last: Tree,
    snapshot: Snapshot | None,
) -> Failure:
    """Go back to the step at which it happened and return what is found there.

    If the loss of a step was not finite, the member's weights are still those before it. If the gradient was
    not, while the loss was, then the weights are lost, and the member is trained up to there once more, alone.

    Args:
        task: whose they are.
        programs: of the chunk.
        rows: where they are.
        plan: of the chunk.
        place: the member's, in the chunk.
        steps: how many steps the member took in all.
        last: `params` and `buffers` of the chunk as they are, on the host.
        snapshot: of the chunk, from before; None to train again from the start.
    """
    alone = attrs.evolve(plan, members=[plan.members[place]], settings=_of(plan.settings, place))
    weights = _of(last, place)
    if not _finite(weights["params"]):
        steps -= 1
        weights = task.backend.to_numpy(_trained_again(task, programs, rows, alone, place, steps, snapshot))
    epoch, step = divmod(steps, alone.longest)
    batch = rows.gather(tree_map(lambda leaf: leaf[step : step + 1], alone.epoch(epoch)))
    backend, model = task.backend, task.model
    gradient = cached_program(backend, ("gradient", model), lambda: backend.compile(fleet_gradient(model, backend)))
    arguments = (weights["params"], weights["buffers"], tree_map(lambda leaf: leaf[0], batch), dict(rows.resident))
    (mean, _), gradients = task.backend.to_numpy(gradient(*task.backend.asarray(arguments)))
    sizes = _sizes(gradients)
    # NaN counts as the largest.
    parameter = max(sizes, key=lambda name: np.inf if np.isnan(sizes[name]) else sizes[name])
    return Failure(
        epoch=epoch + 1,
        step=step + 1,
        loss=float(mean),
        largest_gradient=sizes[parameter],
        parameter=parameter,
        largest_weight=max(_sizes(weights["params"]).values()),
        learning_rate=float(alone.learning_rates(epoch)[step, 0]),
    )


def packed(failures: dict[int, Failure], params: Tree) -> np.ndarray:
    """Return failures by place as numbers, `(failures, 8)`, for a snapshot."""
    names = list(tree_flatten(params))
    table = [
        [place, names.index(failure.parameter), *(getattr(failure, name) for name in _NUMBERS)]
        for place, failure in failures.items()
    ]
    return np.array(table, np.float64).reshape(-1, 2 + len(_NUMBERS))


def unpacked(table: np.ndarray, params: Tree) -> dict[int, Failure]:
    """Return what `packed` put together."""
    names = list(tree_flatten(params))
    found = {}
    for place, parameter, epoch, step, *numbers in table.tolist():
        known: dict[str, Any] = dict(zip(_NUMBERS[2:], numbers, strict=True))
        found[int(place)] = Failure(epoch=int(epoch), step=int(step), parameter=names[int(parameter)], **known)
    return found


def _trained_again(
    task: TrainingTask,
    programs: Programs,
    rows: RowSource,
    alone: TrainingPlan,
    place: int,
    steps: int,
    snapshot: Snapshot | None,
) -> Tree:
    """Return a member's `params` and `buffers` after so many steps."""
    backend = task.backend
    carry, _, buffers = begin(task, alone.members)
    epoch = step = 0
    if snapshot is not None and _finite(_of(snapshot.arrays["carry"], place)):
        carry = backend.asarray(_of(snapshot.arrays["carry"], place))
        epoch, step = snapshot.epoch, snapshot.step
    for segment in segments(alone, rows, length=_STEPS_AT_ONCE, epoch=epoch, step=step):
        count = min(segment.end, steps - segment.epoch * alone.longest) - segment.start
        if count <= 0:
            break
        batches = tree_map(lambda leaf, count=count: leaf[:count], segment.batches)
        carry = programs.segment(carry, batches, buffers, rows.resident)
    return {"buffers": buffers, **carry}


def _of(tree: Any, place: int) -> Any:
    return tree_map(lambda leaf: leaf[place : place + 1], tree)


def _finite(tree: Tree) -> bool:
    return all(np.isfinite(leaf).all() for leaf in tree_leaves(tree))


def _sizes(tree: Tree) -> dict[str, float]:
    return {name: float(np.abs(leaf).max(initial=0.0)) for name, leaf in tree_flatten(tree).items()}
