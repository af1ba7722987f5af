"""One chunk of a fleet, from its first step or its last checkpoint to its results."""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from gmcore.domain import BatchEnd, EpochStart, Failure, Member, MemberFailed, Snapshot, TrainingResult, Tree
from gmcore.errors import InputError
from gmcore.ports import TrainingTask
from gmcore.training.fleet.clock import Clock
from gmcore.training.fleet.failures import diagnose, packed, unpacked
from gmcore.training.fleet.history import History, read_summary, result_of
from gmcore.training.fleet.members import begin, evaluation_batch, member_settings
from gmcore.training.fleet.plan import TrainingPlan, evaluation_plan
from gmcore.training.fleet.prefetch import prefetch
from gmcore.training.fleet.programs import Programs, seen
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.segments import Segment, cut, segments, steps_at_once

__all__ = ["train_chunk"]

_AHEAD = 2


def train_chunk(
    task: TrainingTask, programs: Programs, rows: RowSource, members: Sequence[Member], number: int, clock: Clock
) -> list[TrainingResult]:
    """Train members together; `number` is the chunk's.

    Raises:
        Cancelled: at the next segment after a stop was asked for.
    """
    return _Chunk(task=task, programs=programs, rows=rows, members=members, number=number, clock=clock).train()


@attrs.define(kw_only=True, eq=False)
class _Chunk:
    """The state of a chunk; what is enqueued runs ahead of what the host has read by one epoch."""

    task: TrainingTask
    programs: Programs
    rows: RowSource
    members: Sequence[Member]
    number: int
    clock: Clock
    epoch: int = 0
    step: int = 0
    carry: Any = None
    state: Any = None
    buffers: Any = None
    history: History = attrs.field(factory=History)
    failures: dict[int, Failure] = attrs.field(factory=dict)
    pending: tuple[Tree, Segment] | None = None
    unsaved: "_Unsaved | None" = None
    before: float = 0.0
    plan: TrainingPlan = attrs.field(init=False)
    stop_plan: Any = attrs.field(init=False)
    begun: float = attrs.field(factory=time.perf_counter)

    @plan.default
    def _plan(self) -> TrainingPlan:
        config = self.task.config
        return TrainingPlan(
            members=self.members,
            batch_size=config.batch_size,
            shuffle=config.shuffle,
            max_epochs=config.max_epochs,
            schedule=self.task.schedule,
            optimizer=self.task.optimizer,
            settings=member_settings(self.task, self.members),
            draws=self.task.model.info.random,
            weights=self.task.rows.weights,
        )

    @stop_plan.default
    def _stop_plan(self) -> Any:
        watched = [member.stop for member in self.members]
        if not any(len(rows) for rows in watched):
            return None
        plan = evaluation_plan(watched, evaluation_batch(self.task), self.task.rows.weights)
        for leaf in plan.values():
            leaf.flags.writeable = False
        return plan

    @property
    def who(self) -> tuple[int, ...]:
        return tuple(member.index for member in self.members)

    @property
    def seconds(self) -> float:
        return self.before + time.perf_counter() - self.begun

    @property
    def over(self) -> bool:
        """Whether every member is known to have stopped."""
        return bool(self.history.epochs) and not self.history.last("active").any()

    def train(self) -> list[TrainingResult]:
        finished = self._take_up()
        if not finished:
            self._all_epochs()
        kept, buffers = self.clock.read((self.state["kept"], self.buffers))
        kept = {"buffers": buffers, **kept}
        seconds = self.seconds if not finished else self.before
        return [
            result_of(member, place, self.history, kept, seconds, self.failures.get(place))
            for place, member in enumerate(self.members)
        ]

    def _take_up(self) -> bool:
        """Start from the last snapshot, or afresh; return whether there is nothing left to do."""
        store, backend = self.task.checkpoints, self.task.backend
        snapshot = store.load(self.number) if store else None
        if snapshot is None:
            self.carry, self.state, self.buffers = begin(self.task, self.members)
            return False
        if snapshot.members != self.who:
            raise InputError(
                f"the checkpoint holds the members {snapshot.members}, this chunk {self.who}: "
                f"set members_per_chunk = {len(snapshot.members)}"
            )
        self.epoch, self.step, self.before = snapshot.epoch, snapshot.step, snapshot.seconds
        kept = {"buffers": {}, **snapshot.arrays}
        self.carry, self.state, self.buffers = (backend.asarray(kept[name]) for name in ("carry", "state", "buffers"))
        self.history = History(names=snapshot.numbers, epochs=list(snapshot.arrays["history"]))
        self.failures = unpacked(snapshot.arrays["failures"], snapshot.arrays["carry"]["params"])
        return snapshot.done

    def _all_epochs(self) -> None:
        task = self.task
        length = steps_at_once(task, self.rows, len(self.members), task.config.batch_size)
        length = min(length, task.config.checkpoint.every_steps or length)
        ahead = prefetch(segments(self.plan, self.rows, length=length, epoch=self.epoch, step=self.step), _AHEAD)
        try:
            with contextlib.closing(ahead):
                while not self.over and (segment := self.clock.time("feeding", lambda: next(ahead, None))) is not None:
                    self._do(segment)
            self._settle()
            self._save(done=True)
        finally:
            self._write()
            if task.checkpoints:
                self.clock.time("saving", task.checkpoints.wait)

    def _do(self, segment: Segment) -> None:
        task = self.task
        if segment.start == 0:
            for tell in task.hooks.epoch_start:
                tell(EpochStart(members=self.who, epoch=segment.epoch + 1))
        self._stop_if_asked()
        if task.checkpoints:
            task.checkpoints.report()
        if segment.last:
            summary = self._end_epoch(segment)
            # The device works on this epoch while the host writes and reads what was before it.
            self._write()
            self._settle()
            self.pending = (summary, segment)
            self.epoch, self.step = segment.epoch + 1, 0
        else:
            self.carry = self.clock.call(
                self.programs.segment, self.carry, segment.batches, self.buffers, self.rows.resident
            )
            self.step = segment.end
            self._write()
        for call in task.hooks.batch_end:
            call(BatchEnd(members=self.who, epoch=segment.epoch + 1, step=segment.end, steps=self.plan.longest))
        if task.checkpoints and task.checkpoints.due(epoch=self.epoch, step=self.step):
            self._save()

    def _end_epoch(self, segment: Segment) -> Any:
        """Enqueue an epoch's last steps, the look at the stop rows and the end; return its summary."""
        call, programs, buffers, rows = self.clock.call, self.programs, self.buffers, self.rows.resident
        if rows or self.stop_plan is None:
            self.carry, self.state, summary = call(
                programs.epoch, self.carry, segment.batches, self.stop_plan, self.state, buffers, rows
            )
            return summary
        self.carry = call(programs.segment, self.carry, segment.batches, buffers, rows)
        totals = call(programs.nothing, self.carry)
        length = steps_at_once(self.task, self.rows, len(self.members), evaluation_batch(self.task))
        with contextlib.closing(prefetch(cut(self.stop_plan, self.rows, length=length), _AHEAD)) as parts:
            for part in parts:
                totals = call(programs.look, totals, part, seen(self.carry, self.state, buffers), rows)
        self.carry, self.state, summary = call(programs.finish, self.carry, totals, self.state)
        return summary

    def _settle(self) -> None:
        """Read the epoch that was enqueued last, unless everyone had stopped before it."""
        if self.pending is not None and not self.over:
            summary, segment = self.pending
            number = len(self.history.epochs) + 1
            was_active = self.history.active(len(self.members))
            numbers = self.clock.read(summary)
            read = read_summary(self.task, self.members, self.programs.metrics, numbers, segment, was_active)
            self.history.append(read)
            for place in np.flatnonzero(read["failed"]).tolist():
                self._look_into(place, (number - 1) * int(self.plan.steps[place]) + int(read["steps"][place]))
        self.pending = None

    def _look_into(self, place: int, steps: int) -> None:
        # A member that has failed stays as it was then, whatever was enqueued since.
        last = {"params": self.carry["params"], "buffers": self.carry.get("buffers", self.buffers)}
        store = self.task.checkpoints
        failure = diagnose(
            self.task,
            self.programs,
            self.rows,
            self.plan,
            place,
            steps=steps,
            last=self.clock.read(last),
            snapshot=store.load(self.number) if store else None,
        )
        self.failures[place] = failure
        for call in self.task.hooks.member_failed:
            call(MemberFailed(member=self.members[place].index, place=place, failure=failure))

    def _stop_if_asked(self) -> None:
        if self.task.cancellation.requested:
            self._save()
            self.task.cancellation.check()

    def _save(self, *, done: bool = False) -> None:
        """Set a copy of what there is aside, to be read and written as soon as the device has work again."""
        if self.task.checkpoints is None:
            return
        self._write()
        arrays = self.clock.call(self.programs.copy, self.carry, self.state)
        self.unsaved = _Unsaved(arrays=arrays, epoch=self.epoch, step=self.step, done=done, seconds=self.seconds)

    def _write(self) -> None:
        """Have what was set aside written, with the history up to there."""
        store, unsaved, self.unsaved = self.task.checkpoints, self.unsaved, None
        if store is None or unsaved is None:
            return
        self._settle()
        carry, state, buffers = self.clock.read((*unsaved.arrays, self.buffers))
        arrays = {
            "carry": carry,
            "state": state,
            "buffers": buffers,
            "history": self.history.stacked(),
            "failures": packed(self.failures, carry["params"]),
        }
        snapshot = Snapshot(
            chunk=self.number,
            members=self.who,
            numbers=self.history.names,
            epoch=unsaved.epoch,
            step=unsaved.step,
            done=unsaved.done,
            seconds=unsaved.seconds,
            arrays=arrays,
        )
        self.clock.time("saving", lambda: store.save(snapshot))


@attrs.frozen(kw_only=True, eq=False)
class _Unsaved:
    """A snapshot that is still on the device: carry and state, copied, and where they are from."""

    arrays: tuple[Any, Any]
    epoch: int
    step: int
    done: bool
    seconds: float
