"""A fleet to train, and its division into jobs."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from gmcore.app.composing.run import Run
from gmcore.app.jobs.fleet_folder import Cut, job_folder, read_cut, write_cut
from gmcore.app.searching.renumbering import renumbered
from gmcore.domain import Cancellation, Hooks, Job, Member
from gmcore.errors import InputError
from gmcore.ports import TrainingTask
from gmcore.storage.checkpoint import Checkpoints
from gmcore.training.chunks import members_at_once

__all__ = ["FleetRun", "Piece", "pieces_of"]


@attrs.frozen(kw_only=True, eq=False)
class FleetRun:
    """A fleet to train.

    Attributes:
        run: the run with its components.
        name: name of its folder among the checkpoints; empty for the folder of all.
        count: number of its members.
        members: returns its members, whose rows take memory.
        first: number of its first member in a search; None in a cross-validation, where members have their indices.
    """

    run: Run
    name: str
    count: int
    members: Callable[[], Sequence[Member]]
    first: int | None = None

    def task(
        self, hooks: Hooks, cancellation: Cancellation, checkpoints: Checkpoints | None, *, start: int = 0
    ) -> TrainingTask:
        """Return the task of training the members from `start` on."""
        listeners = hooks if self.first is None else renumbered(hooks, self.first + start)
        return self.run.task(listeners, cancellation, checkpoints)


@attrs.frozen(kw_only=True, eq=False)
class Piece:
    """A job, and the places of its members in their fleet: from `start` to `end`, exclusive."""

    fleet: FleetRun
    job: Job
    start: int
    end: int


def pieces_of(fleet: FleetRun, folder: Path, workers: int) -> list[Piece]:
    """Return the jobs of a fleet: of equal size, small enough for the memory, and at least one for each worker.

    Args:
        fleet: the fleet.
        folder: its folder, in which the division is recorded.
        workers: number of jobs that are computed at once.

    Raises:
        InputError: if the recorded division is damaged, or of another fleet.
    """
    cut = read_cut(folder)
    if cut is None:
        cut = Cut(members=fleet.count, jobs=_sizes(fleet, workers))
        write_cut(folder, cut)
    if cut.members != fleet.count:
        raise InputError(f"{folder} is of a fleet of {cut.members:,} models, but the run has {fleet.count:,} there")
    pieces, start = [], 0
    for number, size in enumerate(cut.jobs):
        path = job_folder(folder, number)
        job = Job(name="/".join(part for part in (fleet.name, path.name) if part), folder=path)
        pieces.append(Piece(fleet=fleet, job=job, start=start, end=(start := start + size)))
    return pieces


def _sizes(fleet: FleetRun, workers: int) -> tuple[int, ...]:
    task = fleet.task(Hooks(), Cancellation(), None)
    most = members_at_once(task, fleet.count)
    if task.config.members_per_chunk is None and task.backend.memory() is None:
        most = max(1, most // workers)  # the workers share the memory of the host
    jobs = max(math.ceil(fleet.count / most), min(workers, fleet.count))
    size = math.ceil(fleet.count / jobs)
    return tuple(min(size, fleet.count - start) for start in range(0, fleet.count, size))
