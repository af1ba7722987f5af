"""Trains one chunk of a fleet, from its start or its last checkpoint to its results.

The device should never wait for the host. A call of a program only enqueues work and returns, so the host enqueues an
epoch first and then, while the device computes it, plans the next one and reads the summary of the epoch before: hooks
and history are one epoch behind. A checkpoint takes two steps for the same reason: when due, carry and state are copied
on the device; the copy is read after the next segment has been enqueued, and a thread of the store writes it. With one
segment per epoch and a checkpoint after each:

    host    enqueue 1, copy 1, enqueue 2   read 1, save 1, copy 2, enqueue 3   read 2, save 2, copy 3, enqueue 4   …
    device     [----- epoch 1 -----][copy][---------- epoch 2 ----------][copy][---------- epoch 3 ----------][copy] …
    writer                                       [--- write 1 ---]                   [--- write 2 ---]

"copy 1" enqueues the copy, "read 1" waits for epoch 1 and reads its summary and the copy, "save 1" hands that to the
writer. Since the host learns one epoch late that all members have stopped, one epoch may be computed for nothing; it
changes nothing that is kept.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from gmcore.domain import BatchEnd, EpochStart, Member, MemberFailed, Snapshot, TrainingResult
from gmcore.ports import TrainingTask
from gmcore.training.fleet.checkpointer import Checkpointer, restored_arrays, restored_history
from gmcore.training.fleet.clock import Clock
from gmcore.training.fleet.device_chunk import DeviceChunk
from gmcore.training.fleet.failures import diagnose
from gmcore.training.fleet.history import History, read_summary, result_of
from gmcore.training.fleet.members import initial_arrays, member_settings
from gmcore.training.fleet.plan import TrainingPlan
from gmcore.training.fleet.prefetch import prefetch
from gmcore.training.fleet.programs import Programs
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.segments import Position, Segment, steps_per_call, training_segments
from gmcore.training.fleet.snapshot_check import check_snapshot
from gmcore.training.fleet.trees import Summary

__all__ = ["train_chunk"]

_PREFETCHED = 2
# An epoch of so many rows, those of all members together, is planned in a millisecond. A thread for it costs more than
# it saves, because Python runs one thread at a time: short epochs took up to a fifth longer.
_QUICKLY_PLANNED = 1 << 15


def train_chunk(
    task: TrainingTask,
    members: Sequence[Member],
    *,
    place: int,
    snapshot: Snapshot | None,
    programs: Programs,
    rows: RowSource,
    clock: Clock,
) -> list[TrainingResult]:
    """Train members together and return one result per member, in order.

    Args:
        task: what they share.
        members: the chunk's.
        place: place of the first of them in the fleet.
        snapshot: the chunk's, to continue from, as `restored` returns it; None to train from the start.
        programs: the task's.
        rows: the task's.
        clock: times what the host does.

    Raises:
        Cancelled: at the next segment after a stop was requested.
        ModelFileError: if the snapshot is of other members or metrics, or of another model.
    """
    started = time.perf_counter()
    indices = tuple(member.index for member in members)
    checkpointer = Checkpointer(store=task.checkpoints, place=place, members=indices, clock=clock)
    if snapshot is not None:
        check_snapshot(snapshot, task, members)
    arrays = initial_arrays(task, members) if snapshot is None else restored_arrays(snapshot, task.backend)
    device = DeviceChunk.of(task, members, arrays, programs=programs, rows=rows, clock=clock)
    chunk = _Chunk(task=task, members=members, device=device, checkpointer=checkpointer, started=started)
    if snapshot is not None:
        chunk.continue_from(snapshot)
        if snapshot.done:
            return chunk.results(snapshot.seconds)
    chunk.train_epochs()
    return chunk.results(chunk.seconds)


@attrs.define(kw_only=True, eq=False)
class _Chunk:
    """The order in which a chunk's work is enqueued, read and saved, as the module's docstring draws it.

    Attributes:
        task: what the members share.
        members: the chunk's.
        device: the chunk's arrays.
        checkpointer: the chunk's.
        started: when training started, by `time.perf_counter`; a resumed run pretends to have never paused.
        plan: the batches of all epochs.
        history: the epochs that have been read.
        position: where training stands after all that is enqueued.
        pending: the summary of the epoch that is enqueued but not read, the metric that early stopping compared, and
            the epoch's last segment.
    """

    task: TrainingTask
    members: Sequence[Member]
    device: DeviceChunk
    checkpointer: Checkpointer
    started: float
    plan: TrainingPlan = attrs.field(init=False)
    history: History = attrs.field(init=False, factory=History)
    position: Position = attrs.field(init=False, default=Position())
    pending: tuple[Summary, np.ndarray | None, Segment] | None = attrs.field(init=False, default=None)

    @plan.default
    def _plan(self) -> TrainingPlan:
        return TrainingPlan(
            members=self.members,
            config=self.task.config,
            schedule=self.task.schedule,
            schedules=self.task.schedules,
            optimizer=self.task.optimizer,
            settings=member_settings(self.task, self.members),
            needs_keys=self.task.model.info.random,
            weights=self.task.rows.weights,
        )

    @property
    def seconds(self) -> float:
        """Wall time of training so far."""
        return time.perf_counter() - self.started

    def continue_from(self, snapshot: Snapshot) -> None:
        """Set what is not on the device to what it was at a snapshot."""
        self.position = Position(snapshot.epoch, snapshot.step)
        self.history = restored_history(snapshot)
        self.started -= snapshot.seconds

    def train_epochs(self) -> None:
        """Train from the present position until all members have stopped or all epochs are over."""
        config, device = self.task.config, self.device
        most = steps_per_call(self.task, device.rows, members=len(self.members), batch_size=config.batch_size)
        length = min(most, config.checkpoint.every_steps or most)
        segments = training_segments(self.plan, device.rows, length=length, start=self.position)
        if not device.rows.resident or self.plan.rows_per_epoch > _QUICKLY_PLANNED:
            segments = prefetch(segments, _PREFETCHED)
        try:
            with contextlib.closing(segments):
                segment = self._next(segments)
                while segment is not None and not self.history.all_stopped:
                    segment = self._train_segment(segment, segments)
            self._read_pending()
            self._copy_checkpoint(done=True)
        finally:
            self._write_checkpoint()
            self.checkpointer.wait()

    def results(self, seconds: float) -> list[TrainingResult]:
        """Return one result per member, in order; `seconds` is the wall time of the chunk."""
        kept = self.device.read_kept()
        return [
            result_of(member, place, self.history, kept, seconds=seconds) for place, member in enumerate(self.members)
        ]

    def _next(self, segments: Iterator[Segment]) -> Segment | None:
        return self.device.clock.time("feeding", lambda: next(segments, None))

    def _train_segment(self, segment: Segment, segments: Iterator[Segment]) -> Segment | None:
        """Enqueue one segment; then, while the device computes it, plan the next, and write and read what came before.

        Returns the next segment, or None after the last.

        Args:
            segment: the one to enqueue.
            segments: those after it.
        """
        hooks, members = self.task.hooks, self.checkpointer.members
        if segment.start == 0:
            hooks.emit(EpochStart(members=members, epoch=segment.epoch + 1))
        self._stop_if_requested()
        self.checkpointer.report()
        ended: tuple[Summary, np.ndarray | None] | None = None
        if segment.last:
            ended = self.device.complete_epoch(segment)
        else:
            self.device.train(segment)
        # Before a summary is read, which waits for the device.
        following = self._next(segments)
        self._write_checkpoint()
        if ended is not None:
            self._read_pending()
            self.pending = (*ended, segment)
        self.position = segment.position_after
        steps = self.plan.steps_per_epoch
        hooks.emit(BatchEnd(members=members, epoch=segment.epoch + 1, step=segment.end, steps=steps))
        if self.checkpointer.due(self.position):
            self._copy_checkpoint(done=False)
        return following

    def _stop_if_requested(self) -> None:
        """Raise `Cancelled` if a stop was requested, with a last checkpoint on its way."""
        if self.task.cancellation.requested:
            self._copy_checkpoint(done=False)
            self.task.cancellation.check()

    def _read_pending(self) -> None:
        """Read the epoch that was enqueued last, and tell hooks of it; skip it if all members had stopped before."""
        if self.pending is not None and not self.history.all_stopped:
            on_device, watched, segment = self.pending
            was_active = self.history.active(len(self.members))
            summary, programs = self.device.clock.read(on_device), self.device.programs
            numbers = read_summary(
                summary, self.members, programs, watched=watched, segment=segment, was_active=was_active
            )
            self.task.hooks.emit(numbers.context(self.checkpointer.members, segment))
            self.history.append(numbers)
            for place in np.flatnonzero(numbers.columns["failed"]).tolist():
                steps = segment.epoch * self.plan.steps[place] + numbers.columns["steps"][place]
                self._diagnose(place, steps=int(steps))
        self.pending = None

    def _diagnose(self, place: int, *, steps: int) -> None:
        """Find out why a member failed after so many steps in all, and tell hooks of it."""
        device = self.device
        failure = diagnose(
            self.task,
            device.programs,
            device.rows,
            self.plan,
            place=place,
            steps=steps,
            rate_scales=self.history.series("rate_scale", place),
            # Those of a failed member no longer change, whatever was enqueued since.
            weights=device.read_current(),
            snapshot=self.checkpointer.restore(),
        )
        self.history.failures[place] = failure
        self.task.hooks.emit(MemberFailed(member=self.members[place].index, place=place, failure=failure))

    def _copy_checkpoint(self, *, done: bool) -> None:
        """Enqueue a copy of the arrays on the device, after writing an earlier copy if there still is one."""
        self._write_checkpoint()
        self.checkpointer.copy(self.device, self.position, seconds=self.seconds, done=done)

    def _write_checkpoint(self) -> None:
        """Hand the copy on the device to the store, with the history up to it."""
        copy = self.checkpointer.take_copy()
        if copy is not None:
            self._read_pending()
            self.checkpointer.write(copy, self.device, self.history)
