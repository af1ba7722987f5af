"""Epochs cut into segments: the steps that one call of a program enqueues."""

from collections.abc import Generator, Iterator
from typing import NamedTuple

import attrs
import numpy as np

from gmcore.domain.tree import tree_leaves, tree_map
from gmcore.ports import TrainingTask
from gmcore.training.capacity import capacity, padded
from gmcore.training.fleet.plan import TrainingPlan
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.trees import EvaluationBatches, TrainingBatches

__all__ = [
    "EvaluationSegment",
    "Position",
    "Segment",
    "bytes_in_transit",
    "evaluation_segments",
    "steps_per_call",
    "training_segments",
]

# Floating-point operations per call: enough to hide the cost of a call, few enough to stop quickly.
_OPERATIONS_PER_CALL = {"cpu": 2e10}
_OPERATIONS_PER_CALL_ON_GPU = 2e12
_MOST_STEPS_PER_CALL = 8192
# Rows that stay on the host: bytes sent per call.
_BYTES_PER_CALL = 64 << 20
# Segments in memory at once: one in use, two prefetched, one being gathered.
_SEGMENTS_IN_TRANSIT = 4
# Segments are padded to a multiple of so many steps, if they are short.
_LEAST_STEPS = 8


class Position(NamedTuple):
    """A place in training: `epoch` epochs are over, and `step` steps of the next one are done."""

    epoch: int = 0
    step: int = 0


@attrs.frozen(kw_only=True, eq=False)
class Segment:
    """Consecutive steps of one epoch.

    Attributes:
        epoch: index of the epoch, from 0.
        start: index of the first step, from 0.
        end: index after the last step.
        last: whether it is the epoch's last segment.
        batches: of these steps, and padding.
        learning_rate: of the last step, `(members,)`.
        weight: summed weight of the rows of the whole epoch, `(members,)`.
    """

    epoch: int
    start: int
    end: int
    last: bool
    batches: TrainingBatches
    learning_rate: np.ndarray
    weight: np.ndarray

    @property
    def length(self) -> int:
        """Number of steps."""
        return self.end - self.start

    @property
    def position_after(self) -> Position:
        """Where training stands after this segment."""
        return Position(self.epoch + 1) if self.last else Position(self.epoch, self.end)


class EvaluationSegment(NamedTuple):
    """Consecutive evaluation steps: their batches and padding, and the number of steps."""

    batches: EvaluationBatches
    length: int


def steps_per_call(task: TrainingTask, rows: RowSource, *, members: int, batch_size: int) -> int:
    """Return how many steps one call of a program enqueues."""
    parameters = sum(layer.parameters for layer in task.model.info.layers)
    operations = 6.0 * max(1, parameters) * batch_size * members
    allowed = _OPERATIONS_PER_CALL.get(task.backend.device, _OPERATIONS_PER_CALL_ON_GPU) / operations
    if not rows.resident:
        allowed = min(allowed, _BYTES_PER_CALL / (rows.bytes_per_row * batch_size * members))
    return int(min(_MOST_STEPS_PER_CALL, max(1.0, allowed)))


def bytes_in_transit(task: TrainingTask, members: int) -> int:
    """Return the most bytes that rows take on their way to the device, if they stay on the host."""
    per_row = RowSource(rows=task.rows, resident={}).bytes_per_row
    per_epoch = per_row * members * len(task.rows)
    per_step = per_row * members * task.config.batch_size
    return _SEGMENTS_IN_TRANSIT * min(per_epoch, max(_BYTES_PER_CALL, per_step))


def training_segments(plan: TrainingPlan, rows: RowSource, *, length: int, start: Position) -> Generator[Segment]:
    """Yield the segments of all epochs that are left.

    Args:
        plan: the chunk's.
        rows: where its rows are.
        length: steps per segment, at most. With the same length, training is cut at the same steps after a resume.
        start: the first step; the beginning of a segment.
    """
    steps = plan.steps_per_epoch
    parts: dict[int, dict[int, np.ndarray]] = {}

    def part(leaf: np.ndarray, at: int, size: int) -> np.ndarray:
        known = parts.get(id(leaf), {})
        if at not in known:
            known[at] = padded(leaf[at : at + length], size)
        return known[at]

    for epoch in range(start.epoch, plan.config.max_epochs):
        rates = plan.learning_rates(epoch)
        batches = plan.epoch(epoch, rates)
        # A backend sends a read-only array once, and knows it by its identity: arrays that were in the epoch before get
        # the same parts. The epoch before is alive until here, so no new array can have the identity of an old one.
        kept = {id(leaf) for leaf in tree_leaves(batches) if not leaf.flags.writeable}
        parts = {key: parts.get(key, {}) for key in kept}
        weight, per_step = np.where(batches["counts"], batches["weight"], 0.0).sum(axis=0), _bytes_per_step(batches)
        for at in range(start.step if epoch == start.epoch else 0, steps, length):
            end = min(at + length, steps)
            size = _padded_length(end - at, rows, per_step=per_step, most=length)
            yield Segment(
                epoch=epoch,
                start=at,
                end=end,
                last=end == steps,
                batches=rows.gather(tree_map(lambda leaf, at=at, size=size: part(leaf, at, size), batches)),
                # Of each member's own last step: after that there is padding.
                learning_rate=rates[np.clip(plan.steps, 1, end) - 1, np.arange(len(plan.steps))],
                weight=weight,
            )


def evaluation_segments(
    plan: EvaluationBatches, rows: RowSource, *, length: int, results: int = 0
) -> Iterator[EvaluationSegment]:
    """Yield the segments of an evaluation plan.

    Args:
        plan: some members' rows.
        rows: where the rows are.
        length: steps per segment, at most.
        results: bytes of what a step returns.
    """
    steps, per_step = len(plan["weights"]), _bytes_per_step(plan) + results
    for at in range(0, steps, length):
        count = min(length, steps - at)
        size = _padded_length(count, rows, per_step=per_step, most=length)
        batches = tree_map(lambda leaf, at=at, size=size: padded(leaf[at : at + length], size), plan)
        yield EvaluationSegment(rows.gather(batches), count)


def _bytes_per_step(batches: TrainingBatches | EvaluationBatches) -> int:
    return sum(leaf.nbytes // len(leaf) for leaf in tree_leaves(batches))


def _padded_length(steps: int, rows: RowSource, *, per_step: int, most: int) -> int:
    """Return to how many steps a segment is padded: not at all if it has rows from the host, which are large.

    Args:
        steps: in the segment.
        rows: where the rows are.
        per_step: bytes of a step.
        most: the most steps.
    """
    return min(most, capacity(steps, size=per_step, least=_LEAST_STEPS)) if rows.resident else steps
