"""The part of a chunk that is on the device: its arrays, and the program calls that advance them."""

import contextlib
import sys
from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from gmcore.domain import Member, Tree
from gmcore.ports import TrainingTask
from gmcore.training.fleet.clock import Clock
from gmcore.training.fleet.members import evaluation_batch
from gmcore.training.fleet.plan import evaluation_plan
from gmcore.training.fleet.prefetch import prefetch
from gmcore.training.fleet.programs import Programs, evaluation_inputs
from gmcore.training.fleet.row_source import RowSource, common_arrays
from gmcore.training.fleet.segments import EvaluationSegment, Segment, evaluation_segments, steps_per_call
from gmcore.training.fleet.stopping.watched_metric import WatchedMetric
from gmcore.training.fleet.trees import (
    Carry,
    Common,
    EvaluationBatches,
    EvaluationInputs,
    FleetArrays,
    State,
    Summary,
    Totals,
    TrainedWeights,
    Weights,
)

__all__ = ["DeviceChunk"]

_PREFETCHED = 2


@attrs.define(kw_only=True, eq=False)
class DeviceChunk:
    """A chunk's arrays and the programs that advance them.

    Every method returns before its result is computed, except `read_…`, which wait. A program may reuse the memory of
    the carry and the state that it is given, so those must not be held elsewhere; `copy` returns some that may.

    Attributes:
        task: what the members share.
        members: the chunk's.
        programs: the task's.
        rows: the task's.
        clock: times every call and read.
        stop_plan: the members' stop rows; None if no member has any.
        stop_segment: the same in one segment, if the rows are on the device; else None.
        stop_steps_per_call: evaluation steps per call, for rows that stay on the host.
        carry: what one training step hands to the next.
        state: what one epoch hands to the next.
        buffers: those that training does not change.
        shared: what all members have in common.
    """

    task: TrainingTask
    members: Sequence[Member]
    programs: Programs
    rows: RowSource
    clock: Clock
    stop_plan: EvaluationBatches | None
    stop_segment: EvaluationSegment | None
    stop_steps_per_call: int
    carry: Carry
    state: State
    buffers: Tree
    shared: Tree
    common: Common = attrs.field(init=False)

    @common.default
    def _combine(self) -> Common:
        """Return what every program is given: the resident rows and the shared variables."""
        return common_arrays(self.rows, self.shared)

    @classmethod
    def of(
        cls,
        task: TrainingTask,
        members: Sequence[Member],
        arrays: FleetArrays,
        *,
        programs: Programs,
        rows: RowSource,
        clock: Clock,
    ) -> "DeviceChunk":
        """Return the chunk of some members, whose arrays are on the device."""
        batch_size = evaluation_batch(task)
        stop_plan = _stop_plan(task, members, batch_size)
        return cls(
            task=task,
            members=members,
            programs=programs,
            rows=rows,
            clock=clock,
            stop_plan=stop_plan,
            stop_segment=_whole(stop_plan, rows) if stop_plan and rows.resident else None,
            stop_steps_per_call=steps_per_call(task, rows, members=len(members), batch_size=batch_size),
            carry=arrays.carry,
            state=arrays.state,
            buffers=arrays.buffers,
            shared=arrays.shared,
        )

    def train(self, segment: Segment) -> None:
        """Take the steps of a segment that is not the last of an epoch."""
        call, program = self.clock.call, self.programs.train_steps
        self.carry = call(program, self.carry, segment.batches, segment.length, self.buffers, self.common)

    def complete_epoch(self, segment: Segment) -> tuple[Summary, np.ndarray | None]:
        """Take the steps of the last segment of an epoch, evaluate the stop rows, and end the epoch.

        Returns the summary, and the metric that early stopping has compared, `(members,)`, which the host has computed
        and waited for; None if it compares the stop loss.
        """
        call, programs = self.clock.call, self.programs
        if programs.watched is not None and self.stop_plan is not None:
            return self._end_with_metric(segment, programs.watched, self.stop_plan)
        if self.stop_plan is None or self.stop_segment is not None:
            stop_batches, stop_length = self.stop_segment or (None, 0)
            self.carry, self.state, summary = call(
                programs.complete_epoch,
                self.carry,
                segment.batches,
                segment.length,
                stop_batches,
                stop_length,
                self.state,
                self.buffers,
                self.common,
            )
        else:
            self.train(segment)
            totals = self._evaluate(self.stop_plan)
            self.carry, self.state, summary = call(programs.end_epoch, self.carry, totals, self.state, None)
        return summary, None

    def _end_with_metric(
        self, segment: Segment, watched: WatchedMetric, stop_plan: EvaluationBatches
    ) -> tuple[Summary, np.ndarray]:
        self.train(segment)
        totals = self._evaluate(stop_plan)
        values = watched.values(self._predict(stop_plan), self.task.rows, self.members)
        compared = self.task.backend.asarray(watched.lower_is_better(values))
        end_epoch = self.programs.end_epoch
        self.carry, self.state, summary = self.clock.call(end_epoch, self.carry, totals, self.state, compared)
        return summary, values

    def copy(self) -> tuple[Carry, State]:
        """Return copies of carry and state."""
        return self.clock.call(self.programs.copy, self.carry, self.state)

    def read_current(self) -> Weights:
        """Return the weights after the last step on the host."""
        return self._read({"params": self.carry["params"], "buffers": self.carry.get("buffers", self.buffers)})

    def read_kept(self) -> Weights:
        """Return the weights that the results get on the host."""
        kept = self.state["kept"]
        return self._read({"params": kept["params"], "buffers": kept.get("buffers", self.buffers)})

    def _read(self, weights: TrainedWeights) -> Weights:
        whole: Weights = {"params": weights["params"], "buffers": weights["buffers"], "shared": self.shared}
        return self.clock.read(whole)

    def _evaluate(self, stop_plan: EvaluationBatches) -> Totals:
        """Return the totals of the stop rows, which come from the host a part at a time."""
        totals = self.clock.call(self.programs.zero_totals, self.carry)
        inputs = evaluation_inputs(self.carry, self.state, self.buffers)
        for batches, length in self._stop_parts(stop_plan):
            totals = self.clock.call(self.programs.evaluate, totals, batches, length, inputs, self.common)
        return totals

    def _predict(self, stop_plan: EvaluationBatches) -> np.ndarray:
        """Return predictions for the stop rows and padding, `(members, rows, *output_shape)` float64."""
        assert self.programs.predict is not None  # noqa: S101 - there is one for each metric that is compared
        current = evaluation_inputs(self.carry, self.state, self.buffers)
        inputs: EvaluationInputs = {"params": current["params"], "buffers": current["buffers"]}
        totals: Totals = {"loss": self.task.backend.xp.zeros_like(self.carry["loss"]), "by_metric": {}}
        found = []
        for batches, length in self._stop_parts(stop_plan):
            totals, predictions = self.clock.call(self.programs.predict, totals, batches, length, inputs, self.common)
            found.append(self.clock.read(predictions)[:, :length].astype(np.float64))
        shape = self.task.model.schema.target.output_shape
        return np.concatenate([part.reshape(len(self.members), -1, *shape) for part in found], axis=1)

    def _stop_parts(self, stop_plan: EvaluationBatches) -> Iterator[EvaluationSegment]:
        """Yield the steps that evaluate the stop rows; those of rows on the host are prefetched."""
        if self.stop_segment is not None:
            yield self.stop_segment
            return
        parts = evaluation_segments(stop_plan, self.rows, length=self.stop_steps_per_call)
        with contextlib.closing(prefetch(parts, _PREFETCHED)) as prefetched:
            yield from prefetched


def _whole(plan: EvaluationBatches, rows: RowSource) -> EvaluationSegment:
    """Return an evaluation plan as one segment."""
    (segment,) = evaluation_segments(plan, rows, length=sys.maxsize)
    return segment


def _stop_plan(task: TrainingTask, members: Sequence[Member], batch_size: int) -> EvaluationBatches | None:
    """Return the plan of the members' stop rows, read-only so that a backend sends it once; None without any."""
    stop_rows = [member.stop for member in members]
    if not any(len(rows) for rows in stop_rows):
        return None
    plan = evaluation_plan(stop_rows, batch_size, task.rows.weights)
    for leaf in (plan["indices"], plan["weights"]):
        leaf.flags.writeable = False
    return plan
