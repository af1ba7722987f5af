"""The folder of a job: what a process needs to train some members of a fleet, and their checkpoints and epoch log.

run.toml               the tables of the run, with components by name
members.safetensors    the members' rows, seeds and settings, and where the rows of the data are stored
chunk-….safetensors    checkpoints; the job is done when the last one of each chunk is a final one
metrics.jsonl          the epoch log
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, cast

import attrs
import numpy as np
import tomli_w

from gmcore.app.composing.run import Run
from gmcore.app.records.provenance import training_tables, without_none
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Member, Rows
from gmcore.storage.files import make_folder, write_whole
from gmcore.storage.kept_rows import kept_rows
from gmcore.storage.regular_file import read_regular, read_text
from gmcore.storage.sealed import opened, sealed
from gmcore.storage.temporary import cache_folder

__all__ = ["JobContent", "locked_folder", "log_of", "read_job", "stored_rows", "write_job"]

FORMAT = 1
"""Changes when jobs of earlier versions can no longer be run."""

_KEY = "gmcore_job"
_TABLES, _MEMBERS, _LOG = "run.toml", "members.safetensors", "metrics.jsonl"
_ROLES = ("train", "stop", "score")


class _MemberEntry(TypedDict):
    """A member in the file; the arrays of rows are named by their hash, since many members share them."""

    index: int
    seed: int
    settings: Mapping[str, float]
    rows: list[str]


@attrs.frozen(kw_only=True, eq=False)
class JobContent:
    """What a job's folder contains at first.

    Attributes:
        tables: the tables of the run, as TOML.
        members: the members to train.
        first: number of the first member in a search, by which its epoch log counts members; None for their indices.
        rows: folder of the row store with the rows of the data.
        run: identity of the run, for checkpoints.
    """

    tables: str
    members: Sequence[Member]
    first: int | None
    rows: Path
    run: str


def write_job(
    folder: Path, run: Run, members: Sequence[Member], *, first: int | None, rows: Path, identity: str
) -> None:
    """Write a job's folder; arguments as the attributes of `JobContent`.

    Raises:
        OutputError: if it can't be written.
    """
    arrays: dict[str, np.ndarray] = {}
    entries: list[_MemberEntry] = []
    for member in members:
        names = []
        for role in _ROLES:
            indices = np.ascontiguousarray(getattr(member, role))
            names.append(hashlib.sha256(indices.tobytes()).hexdigest())
            arrays[names[-1]] = indices
        entries.append({"index": member.index, "seed": member.seed, "settings": dict(member.settings), "rows": names})
    about = {
        "format": FORMAT,
        "members": entries,
        "first": first,
        "rows": str(rows),
        "run": identity,
    }
    make_folder(folder)
    write_whole(folder / _TABLES, tomli_w.dumps(without_none(training_tables(run))).encode())
    write_whole(folder / _MEMBERS, sealed(arrays, key=_KEY, about=about))


def read_job(folder: Path) -> JobContent:
    """Return what `write_job` wrote.

    Raises:
        ModelFileError: if it is damaged, or of another version.
    """
    what = f"the job {folder}"
    arrays, header = opened(read_regular(folder / _MEMBERS), key=_KEY, known=FORMAT, what=what)
    values = cast("dict[str, Any]", header)
    members = [
        Member(
            index=one["index"],
            seed=one["seed"],
            settings=one["settings"],
            **{role: arrays[name] for role, name in zip(_ROLES, one["rows"], strict=True)},
        )
        for one in values["members"]
    ]
    return JobContent(
        tables=read_text(folder / _TABLES),
        members=members,
        first=values["first"],
        rows=Path(values["rows"]),
        run=values["run"],
    )


def log_of(folder: Path) -> Path:
    """Return the path of a job's epoch log."""
    return folder / _LOG


@contextlib.contextmanager
def stored_rows(rows: Rows) -> Iterator[Path]:
    """Yield the row store with these rows in the cache folder, which is written once.

    It is locked while the block runs, so that `gmcore cache clear` leaves it.

    Raises:
        OutputError: if it can't be written.
    """
    folder = cache_folder() / "rows" / str(ArrayData(rows).metadata["sha256"])
    kept_rows(folder, lambda _: ([rows], {}))
    with locked_folder(folder, shared=True):
        yield folder


@contextlib.contextmanager
def locked_folder(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Lock a folder while the block runs, after waiting until it can be; on file systems without locks, do nothing.

    Args:
        folder: the folder.
        shared: whether other processes may lock it in the same way.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
