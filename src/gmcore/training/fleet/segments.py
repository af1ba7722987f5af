"""Epochs cut into segments: what one call enqueues."""

from collections.abc import Iterator

import attrs
import numpy as np

from gmcore.domain import Tree
from gmcore.domain.tree import tree_map
from gmcore.ports import TrainingTask
from gmcore.training.fleet.plan import TrainingPlan
from gmcore.training.fleet.row_source import RowSource

__all__ = ["Segment", "bytes_under_way", "cut", "segments", "steps_at_once"]

# What one call enqueues: long enough to hide the call, short enough to stop within it.
_OPERATIONS_AT_ONCE = {"cpu": 2e10}
_OPERATIONS_ON_A_GPU = 2e12
_STEPS_AT_ONCE = 8192
_BYTES_AT_ONCE = 64 << 20
# Segments on the host: the one in use, those that wait for it, and the one that is made; each is sent, too.
_UNDER_WAY = 4


@attrs.frozen(kw_only=True, eq=False)
class Segment:
    """Some steps of an epoch.

    Attributes:
        epoch: its number, from 0.
        start: the first step, from 0.
        end: behind the last.
        last: whether the epoch ends with it.
        batches: the steps on the first axis, as `TrainingPlan.epoch` has them.
        learning_rate: `(members,)`, of its last step.
        weight: `(members,)`, of the epoch's rows together.
    """

    epoch: int
    start: int
    end: int
    last: bool
    batches: Tree
    learning_rate: np.ndarray
    weight: np.ndarray


def steps_at_once(task: TrainingTask, rows: RowSource, members: int, batch_size: int) -> int:
    """Return how many steps one call enqueues."""
    parameters = sum(layer.parameters for layer in task.model.info.layers)
    operations = 6.0 * max(1, parameters) * batch_size * members
    allowed = _OPERATIONS_AT_ONCE.get(task.backend.device, _OPERATIONS_ON_A_GPU) / operations
    if not rows.resident:
        allowed = min(allowed, _BYTES_AT_ONCE / (rows.bytes_a_row * batch_size * members))
    return int(min(_STEPS_AT_ONCE, max(1.0, allowed)))


def bytes_under_way(task: TrainingTask, members: int) -> int:
    """Return how many bytes rows take, at most, that are on their way to the device because they can't stay there."""
    a_row = RowSource(rows=task.rows, resident={}).bytes_a_row
    epoch = a_row * members * len(task.rows)
    return _UNDER_WAY * min(epoch, max(_BYTES_AT_ONCE, a_row * members * task.config.batch_size))


def segments(plan: TrainingPlan, rows: RowSource, *, length: int, epoch: int, step: int) -> Iterator[Segment]:
    """Yield what is left of training, cut at the same places however often it was stopped.

    Args:
        plan: the chunk's.
        rows: where they are.
        length: steps in a segment, at most.
        epoch: where to begin: the epoch,
        step: and the step in it, at the start of a segment.
    """
    steps = plan.longest
    sent: dict[tuple[int, int], np.ndarray] = {}

    def part(leaf: np.ndarray, at: int) -> np.ndarray:
        # What never changes stays the same object, so that a backend can send it but once.
        if leaf.flags.writeable:
            return leaf[at : at + length]
        return sent.setdefault((id(leaf), at), leaf[at : at + length])

    for number in range(epoch, plan.max_epochs):
        batches, rates = plan.epoch(number), plan.learning_rates(number)
        weight = np.where(batches["counts"], batches["weight"], 0.0).sum(axis=0)
        for at in range(step if number == epoch else 0, steps, length):
            end = min(at + length, steps)
            yield Segment(
                epoch=number,
                start=at,
                end=end,
                last=end == steps,
                batches=rows.gather(tree_map(lambda leaf, at=at: part(leaf, at), batches)),
                learning_rate=rates[end - 1],
                weight=weight,
            )


def cut(plan: Tree, rows: RowSource, *, length: int) -> Iterator[Tree]:
    """Yield an evaluation plan in segments of `length` steps, with their rows."""
    for at in range(0, len(plan["weights"]), length):
        yield rows.gather(tree_map(lambda leaf, at=at: leaf[at : at + length], plan))
