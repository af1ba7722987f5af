"""One chunk of a fleet, from its first step or its last checkpoint to its results."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from gmcore.domain import BatchEnd, EpochStart, Member, Snapshot, TrainingResult, Tree, Variables
from gmcore.domain.tree import tree_map
from gmcore.errors import InputError
from gmcore.ports import TrainingTask
from gmcore.training.members import begin, evaluation_batch, member_settings
from gmcore.training.plan import TrainingPlan, evaluation_plan
from gmcore.training.programs import Programs
from gmcore.training.summaries import read_summary, stacked, unstacked

__all__ = ["train_chunk"]

# A segment is what one call enqueues: long enough to hide the call, short enough to stop within it.
_OPERATIONS_A_SEGMENT = 2e10
_STEPS_A_SEGMENT = 8192


def train_chunk(programs: Programs, resident: Tree, members: Sequence[Member], number: int) -> list[TrainingResult]:
    """Train members together; `resident` has `inputs` and `targets` on the device, `number` is the chunk's.

    Raises:
        Cancelled: at the next segment after a stop was asked for.
        TrainingError: if a member's loss is not finite.
    """
    chunk = _Chunk(programs=programs, resident=resident, members=members, number=number)
    return chunk.train()


@attrs.define(kw_only=True, eq=False)
class _Chunk:
    """The state of a chunk; what is enqueued runs ahead of what the host has read by one epoch."""

    programs: Programs
    resident: Tree
    members: Sequence[Member]
    number: int
    epoch: int = 0
    step: int = 0
    carry: Any = None
    state: Any = None
    history: list[Tree] = attrs.field(factory=list)
    pending: tuple[Tree, np.ndarray] | None = None
    before: float = 0.0
    segment: int = attrs.field(init=False)
    begun: float = attrs.field(factory=time.perf_counter)

    @segment.default
    def _steps_a_segment(self) -> int:
        parameters = sum(layer.parameters for layer in self.task.model.info.layers)
        operations = 6.0 * max(1, parameters) * self.task.config.batch_size * len(self.members)
        length = int(min(_STEPS_A_SEGMENT, max(1.0, _OPERATIONS_A_SEGMENT // operations)))
        return min(length, self.task.config.checkpoint.every_steps or length)

    @property
    def task(self) -> TrainingTask:
        return self.programs.task

    @property
    def who(self) -> tuple[int, ...]:
        return tuple(member.index for member in self.members)

    @property
    def seconds(self) -> float:
        return self.before + time.perf_counter() - self.begun

    @property
    def over(self) -> bool:
        """Whether all epochs are done, or every member has stopped."""
        return self.stopped or self.epoch >= self.task.config.max_epochs

    @property
    def stopped(self) -> bool:
        """Whether every member is known to have stopped."""
        return bool(self.history) and not self.history[-1]["active"].any()

    def train(self) -> list[TrainingResult]:
        finished = self._take_up()
        if not finished:
            self._all_epochs()
            self._save(done=True)
        kept = self.task.backend.to_numpy(self.state["kept"])
        seconds = self.seconds if not finished else self.before
        return [_result(member, place, self.history, kept, seconds) for place, member in enumerate(self.members)]

    def _take_up(self) -> bool:
        """Start from the last snapshot, or afresh; return whether there is nothing left to do."""
        store, backend = self.task.checkpoints, self.task.backend
        snapshot = store.load(self.number) if store else None
        if snapshot is None:
            self.carry, self.state = begin(self.task, self.members)
            return False
        if snapshot.members != self.who:
            raise InputError(
                f"the checkpoint holds the members {snapshot.members}, this chunk {self.who}: "
                f"set members_per_chunk = {len(snapshot.members)}"
            )
        self.epoch, self.step, self.before = snapshot.epoch, snapshot.step, snapshot.seconds
        self.carry, self.state = backend.asarray(snapshot.arrays["carry"]), backend.asarray(snapshot.arrays["state"])
        self.history = unstacked(snapshot.arrays["history"])
        return snapshot.done

    def _all_epochs(self) -> None:
        backend, config = self.task.backend, self.task.config
        settings = member_settings(self.task, self.members)
        plan = TrainingPlan(
            members=self.members,
            batch_size=config.batch_size,
            shuffle=config.shuffle,
            max_epochs=config.max_epochs,
            schedule=self.task.schedule,
            learning_rates=settings.pop("learning_rate"),
            weights=self.task.rows.weights,
        )
        shared = {**self.resident, "settings": backend.asarray(settings)}
        watched = [member.stop for member in self.members]
        stop_plan = backend.asarray(evaluation_plan(watched, evaluation_batch(self.task), self.task.rows.weights))
        while not self.over:
            self._one_epoch(plan.epoch(self.epoch), stop_plan, shared)
        self._settle()

    def _one_epoch(self, batches: Tree, stop_plan: Tree, shared: Tree) -> None:
        steps = len(batches["step"])
        for tell in self.task.hooks.epoch_start:
            tell(EpochStart(members=self.who, epoch=self.epoch + 1))
        for piece in self._pieces(batches):
            self._stop_if_asked()
            if self.step + len(piece["step"]) < steps:
                self.carry = self.programs.segment(self.carry, piece, shared)
                self.step += len(piece["step"])
            else:
                self._end_epoch(piece, stop_plan, shared)
            for call in self.task.hooks.batch_end:
                done = self.step or steps
                call(BatchEnd(members=self.who, epoch=self.epoch + (self.step > 0), step=done, steps=steps))
            if self.task.checkpoints and self.task.checkpoints.due(epoch=self.epoch, step=self.step):
                self._save()

    def _end_epoch(self, piece: Tree, stop_plan: Tree, shared: Tree) -> None:
        count = self.task.backend.asarray(np.int32(self.epoch + 1))
        self.carry, self.state, summary = self.programs.epoch(self.carry, piece, stop_plan, self.state, count, shared)
        # The device works on this epoch while the host reads the one before.
        self._settle()
        self.pending = (summary, piece["learning_rate"][-1])
        self.epoch, self.step = self.epoch + 1, 0

    def _settle(self) -> None:
        """Read the epoch that was enqueued last, unless everyone had stopped before it."""
        if self.pending is not None and not self.stopped:
            number = len(self.history) + 1
            self.history.append(read_summary(self.task, self.members, *self.pending, number))
        self.pending = None

    def _stop_if_asked(self) -> None:
        if self.task.cancellation.requested:
            self._save()
            self.task.cancellation.check()

    def _save(self, *, done: bool = False) -> None:
        if self.task.checkpoints is None:
            return
        self._settle()
        to_numpy = self.task.backend.to_numpy
        arrays = {
            "carry": to_numpy(self.carry),
            "state": to_numpy(self.state),
            "history": stacked(self.history),
        }
        self.task.checkpoints.save(
            Snapshot(
                chunk=self.number,
                members=self.who,
                epoch=self.epoch,
                step=self.step,
                done=done,
                seconds=self.seconds,
                arrays=arrays,
            )
        )

    def _pieces(self, batches: Tree) -> Iterator[Tree]:
        """Yield what is left of an epoch, cut at the same places however often it was stopped."""
        for at in range(0, len(batches["step"]), self.segment):
            if at >= self.step:
                yield tree_map(lambda leaf, at=at: leaf[at : at + self.segment], batches)


def _result(member: Member, place: int, history: Sequence[Tree], kept: Tree, seconds: float) -> TrainingResult:
    epochs = sum(bool(summary["was_active"][place]) for summary in history)
    losses = {name: np.array([one[name][place] for one in history[:epochs]]) for name in ("train_loss", "stop_loss")}
    final = float(losses["train_loss"][-1])
    mine = tree_map(lambda leaf: leaf[place], kept)
    return TrainingResult(
        member=member.index,
        variables=Variables(mine["params"], mine["buffers"]),
        epochs=epochs,
        best_epoch=int(history[-1]["best_epoch"][place]),
        final_loss=final,
        best_loss=float(history[-1]["best_loss"][place]) if len(member.stop) else final,
        history=losses,
        seconds=seconds,
    )
