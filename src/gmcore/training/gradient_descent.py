"""The standard workflow: minibatch gradient descent of all members of a fleet at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import attrs
import numpy as np

from gmcore.domain import FitEnd, FitStart, Member, Rows, TrainingResult, ValidationResult, Variables
from gmcore.errors import ConfigError, DataError, TrainingError
from gmcore.ports import SupportsPreparation, TrainingTask, TrainingWorkflow
from gmcore.training.background import in_background
from gmcore.training.chunks import members_at_once
from gmcore.training.evaluate import evaluate, prepared_evaluation
from gmcore.training.fleet.checkpointer import restored
from gmcore.training.fleet.chunk import train_chunk
from gmcore.training.fleet.clock import Clock
from gmcore.training.fleet.members import member_settings
from gmcore.training.fleet.programs import Programs
from gmcore.training.fleet.row_source import RowSource
from gmcore.training.fleet.steps.problems import check_durations, problems_of_steps
from gmcore.training.memory import device_memory
from gmcore.training.metric_numbers import check_same_names
from gmcore.training.out_of_memory import AtOnce, memory_errors_explained
from gmcore.training.target_check import check_targets

__all__ = ["GradientDescent"]


@attrs.define(kw_only=True, eq=False)
class GradientDescent(TrainingWorkflow, SupportsPreparation):
    """Minibatch gradient descent of a fleet, one chunk after the other, each as one compiled program."""

    _metrics: dict[str, float] = attrs.field(init=False, factory=dict)
    _at_once: int | None = attrs.field(init=False, default=None)
    _expected: Sequence[np.ndarray] = attrs.field(init=False, default=())
    _sent: tuple[TrainingTask, RowSource] | None = attrs.field(init=False, default=None)

    def prepare(self, rows: Sequence[np.ndarray]) -> None:
        self._expected = rows

    def train(self, task: TrainingTask, members: Sequence[Member]) -> list[TrainingResult]:
        _check(task, members)
        members = [_without_weightless_rows(task.rows, member) for member in members]
        begun, compiled, clock = time.perf_counter(), task.backend.compilations, Clock(backend=task.backend)
        at_once = AtOnce(task=task, count=members_at_once(task, len(members)))
        with memory_errors_explained(task):
            rows, programs = self._rows(task), Programs.of(task)
        with in_background(lambda: self._prepared(task, rows)):
            results = _trained(task, members, at_once, programs=programs, rows=rows, clock=clock)
        self._at_once = at_once.count
        steps = sum(_steps_per_epoch(task, member) * one.epochs for member, one in zip(members, results, strict=True))
        self._metrics = clock.report() | {
            "seconds": time.perf_counter() - begun,
            "steps": float(steps),
            "compilations": float(task.backend.compilations - compiled),
            "members_at_once": float(at_once.count),
            "halvings": float(at_once.halvings),
            **_memory(task),
        }
        if all(one.failure for one in results):
            which = f"member {results[0].member}" if len(results) > 1 else "the model"
            raise TrainingError(f"training failed for {which}: {results[0].failure}")
        return results

    def validate(
        self, task: TrainingTask, variables: Sequence[Variables], rows: Sequence[np.ndarray]
    ) -> list[ValidationResult]:
        begun, compiled = time.perf_counter(), task.backend.compilations
        planned = members_at_once(task, len(variables))
        at_once = AtOnce(task=task, count=min(planned, self._at_once or planned))
        with memory_errors_explained(task):
            source = self._rows(task)
        results = _evaluated(task, source, list(zip(variables, rows, strict=True)), at_once)
        check_same_names(result.metrics for result in results)
        more = {
            "scoring_seconds": time.perf_counter() - begun,
            "compilations": float(task.backend.compilations - compiled),
            "halvings": float(at_once.halvings),
        }
        self._metrics |= {name: self._metrics.get(name, 0.0) + value for name, value in more.items()}
        if at_once.halvings:
            self._at_once, self._metrics["members_at_once"] = at_once.count, float(at_once.count)
        self._metrics |= _memory(task)
        return results

    @property
    def metrics(self) -> Mapping[str, float]:
        return dict(self._metrics)

    def close(self) -> None:
        self._metrics, self._expected, self._at_once, self._sent = {}, (), None, None

    def _rows(self, task: TrainingTask) -> RowSource:
        """Return the rows of a task, which are sent to the device once for training and scoring."""
        if self._sent is not None and _same_rows(self._sent[0], task):
            return self._sent[1]
        self._sent = None  # what is on the device is freed before more is sent
        source = RowSource.of(task)
        self._sent = (task, source)
        return source

    def _prepared(self, task: TrainingTask, rows: RowSource) -> Callable[[], None] | None:
        """Return what compiles the program that scores the first chunk, whose size most chunks have, if expected."""
        expected, self._expected = self._expected, ()
        return prepared_evaluation(task, rows, expected[: members_at_once(task, len(expected))]) if expected else None


def _same_rows(one: TrainingTask, other: TrainingTask) -> bool:
    """Return whether two tasks have the same rows on the same device."""
    same = one.rows is other.rows and one.backend is other.backend
    return same and one.config.row_memory == other.config.row_memory


def _trained(
    task: TrainingTask,
    members: Sequence[Member],
    at_once: AtOnce,
    *,
    programs: Programs,
    rows: RowSource,
    clock: Clock,
) -> list[TrainingResult]:
    """Train the members chunk by chunk; a chunk that has a checkpoint has the members of the checkpoint."""
    results: list[TrainingResult] = []
    again = False
    while (place := len(results)) < len(members):
        # That of a chunk for which memory ran out is of too many members.
        snapshot = None if again else restored(task.checkpoints, place)
        chunk = members[place : place + (len(snapshot.members) if snapshot else at_once.count)]
        if place + len(chunk) < len(members):  # else it may have fewer members because they are the last
            at_once.count = min(at_once.count, len(chunk))
        indices = tuple(member.index for member in chunk)
        task.hooks.emit(_fit_start(task, chunk))
        train = partial(
            train_chunk, task, chunk, place=place, snapshot=snapshot, programs=programs, rows=rows, clock=clock
        )
        trained = at_once.attempt(train, of=len(chunk), members=indices)
        again = trained is None
        if trained is not None:
            task.hooks.emit(FitEnd(members=indices, results=tuple(trained)))
            results += trained
    return results


def _evaluated(
    task: TrainingTask, rows: RowSource, members: Sequence[tuple[Variables, np.ndarray]], at_once: AtOnce
) -> list[ValidationResult]:
    """Score the members chunk by chunk."""
    results: list[ValidationResult] = []
    while (place := len(results)) < len(members):
        chunk = members[place : place + at_once.count]
        results += at_once.attempt(partial(evaluate, task, rows, chunk), of=len(chunk)) or []
    return results


def _check(task: TrainingTask, members: Sequence[Member]) -> None:
    """Raise if there is nothing to train, nothing to learn from, or a member has unknown settings."""
    if not members:
        raise DataError("a fleet needs at least one member to train, got none")
    member_settings(task, members)
    if problems := list(problems_of_steps(task.model, task.optimizer, task.gradients, task.schedules, task.config)):
        raise ConfigError(problems)
    check_durations(task.schedule, task.schedules, task.config, [len(member.train) for member in members])
    weights = task.rows.weights
    for member in members:
        if len(member.train) == 0:
            raise DataError(f"member {member.index} has no rows to train on")
        if weights is not None and not weights[member.train].any():
            raise DataError(f"member {member.index} has only training rows of weight 0")
        if weights is not None and len(member.stop) and not weights[member.stop].any():
            raise DataError(
                f"member {member.index} has only rows of weight 0 to stop on: set a larger early_stopping.fraction"
            )
    if task.rows.targets is None:
        raise DataError("the rows have no targets to train on")
    check_targets(task.model, task.rows)


def _without_weightless_rows(rows: Rows, member: Member) -> Member:
    """Return a member that does not train on rows of weight 0, so that it is as if they were absent."""
    counts = None if rows.weights is None else rows.weights[member.train] > 0
    return member if counts is None or counts.all() else attrs.evolve(member, train=member.train[counts])


def _fit_start(task: TrainingTask, chunk: Sequence[Member]) -> FitStart:
    return FitStart(
        members=tuple(member.index for member in chunk),
        max_epochs=task.config.max_epochs,
        steps_per_epoch=max(_steps_per_epoch(task, member) for member in chunk),
        model=task.model.info,
    )


def _memory(task: TrainingTask) -> dict[str, float]:
    memory = device_memory(task.backend)
    return {"peak_memory": float(memory.peak), "active_memory": float(memory.active)}


def _steps_per_epoch(task: TrainingTask, member: Member) -> int:
    return task.config.steps_per_epoch(len(member.train))
