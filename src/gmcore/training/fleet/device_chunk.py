"""The part of a chunk that is on the device: its arrays, and the program calls that advance them."""

import contextlib
import sys
from collections.abc import Sequence

import attrs

from gmcore.domain import Member, Tree
from gmcore.ports import TrainingTask
from gmcore.training.fleet.clock import Clock
from gmcore.training.fleet.members import evaluation_batch
from gmcore.training.fleet.plan import evaluation_plan
from gmcore.training.fleet.prefetch import prefetch
from gmcore.training.fleet.programs import Programs, evaluation_inputs
from gmcore.training.fleet.row_source import RowSource, common_arrays
from gmcore.training.fleet.segments import EvaluationSegment, Segment, evaluation_segments, steps_per_call
from gmcore.training.fleet.trees import (
    Carry,
    Common,
    EvaluationBatches,
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

    def complete_epoch(self, segment: Segment) -> Summary:
        """Take the steps of the last segment of an epoch, evaluate the stop rows, and end the epoch."""
        call, programs = self.clock.call, self.programs
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
            self.carry, self.state, summary = call(programs.end_epoch, self.carry, totals, self.state)
        return summary

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
        parts = evaluation_segments(stop_plan, self.rows, length=self.stop_steps_per_call)
        with contextlib.closing(prefetch(parts, _PREFETCHED)) as prefetched:
            for batches, length in prefetched:
                inputs = evaluation_inputs(self.carry, self.state, self.buffers)
                totals = self.clock.call(self.programs.evaluate, totals, batches, length, inputs, self.common)
        return totals


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
