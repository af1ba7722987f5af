"""The folder of a fleet among a run's checkpoints: its division into jobs, and the checkpoints of its chunks."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from gmcore.domain import Snapshot
from gmcore.errors import InputError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.files import make_folder, write_whole
from gmcore.storage.regular_file import json_problem, read_regular, read_text

__all__ = [
    "Cut",
    "epochs_by_numbers",
    "has_ended",
    "is_taken_over",
    "job_folder",
    "lines_of",
    "placed",
    "read_cut",
    "snapshots_in",
    "write_cut",
]

_CUT = "fleet.json"


@attrs.frozen(kw_only=True)
class Cut:
    """How a fleet is cut into jobs; a resumed run cuts it the same way.

    Attributes:
        members: number of its members.
        jobs: number of members of each job; empty if the fleet is trained as a whole.
    """

    members: int
    jobs: tuple[int, ...] = ()


def read_cut(folder: Path) -> Cut | None:
    """Return how the fleet of a folder was cut; None if it was not recorded.

    Raises:
        InputError: if the record is damaged.
    """
    path = folder / _CUT
    try:
        values = json.loads(read_text(path))
        cut = Cut(members=values["members"], jobs=tuple(values["jobs"]))
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {json_problem(error)}") from error
    if not all(type(size) is int and size > 0 for size in (cut.members, *cut.jobs)):
        raise InputError(f"{path} is damaged: numbers of members must be whole and above 0")
    if cut.jobs and sum(cut.jobs) != cut.members:
        raise InputError(f"{path} is damaged: its jobs have {sum(cut.jobs):,} of {cut.members:,} members")
    return cut


def write_cut(folder: Path, cut: Cut) -> None:
    """Record how a fleet is cut."""
    make_folder(folder)
    write_whole(folder / _CUT, json.dumps(attrs.asdict(cut)).encode())


def job_folder(folder: Path, number: int) -> Path:
    """Return the folder of one job of a fleet."""
    return folder / f"job-{number:05d}"


def snapshots_in(checkpoints: Checkpoints) -> Iterator[tuple[int, Snapshot]]:
    """Yield the last snapshot of each chunk of a fleet, with the place of the chunk's first member in the fleet.

    Args:
        checkpoints: the store of the fleet's folder.
    """
    cut = read_cut(checkpoints.folder)
    if cut is None or not cut.jobs:
        yield from placed(checkpoints.latest())
        return
    start = 0
    for number, size in enumerate(cut.jobs):
        of_job = attrs.evolve(checkpoints, folder=job_folder(checkpoints.folder, number))
        for place, snapshot in placed(of_job.latest()):
            yield start + place, snapshot
        start += size


def has_ended(checkpoints: Checkpoints, members: int) -> bool:
    """Return whether a store has final checkpoints of so many members."""
    return sum(len(one.members) for one in checkpoints.latest() if one.done) == members


def placed(snapshots: Iterable[Snapshot]) -> Iterator[tuple[int, Snapshot]]:
    """Yield the snapshots of chunks, each with the place of its first member in the fleet, by which it is numbered."""
    return ((snapshot.chunk, snapshot) for snapshot in snapshots)


def lines_of(log: Path) -> list[bytes]:
    """Return the lines of an epoch log; none if it is absent."""
    try:
        return read_regular(log).splitlines(keepends=True)
    except FileNotFoundError:
        return []


def is_taken_over(lines: Sequence[bytes], logged: Collection[bytes]) -> bool:
    """Return whether a run's epoch log has all lines of a job's log, which were appended in order."""
    return not lines or lines[-1] in logged


def epochs_by_numbers(first: int | None, snapshots: Iterable[Snapshot]) -> dict[tuple[int, ...], int]:
    """Return the epochs in the last snapshot of each chunk, by the members' numbers in the epoch log.

    Args:
        first: number of the fleet's first member; None if the log has the members' indices.
        snapshots: the last ones of the chunks.
    """
    return {
        one.members if first is None else tuple(range(first + at, first + at + len(one.members))): one.epoch
        for at, one in placed(snapshots)
    }
