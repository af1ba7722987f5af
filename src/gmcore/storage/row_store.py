"""Rows as files that are mapped into memory: written once, checked when they are opened, read where they are needed."""

import contextlib
import errno
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Rows, Schema
from gmcore.errors import DataError, OutputError
from gmcore.storage.array_file import ArrayFile, rows_sha256
from gmcore.storage.files import make_durable, write_whole
from gmcore.storage.model_file import schema_from
from gmcore.storage.temporary import temporary_folder

__all__ = ["FORMAT", "StoredRows", "kept_rows", "open_rows", "write_rows"]

FORMAT = 1
"""Changes when stores that were written before can't be read any more, or would be written otherwise."""

_FACTS = "rows.json"
_INPUT = "inputs."
_OTHERS = ("targets", "weights", "groups", "time")


@attrs.frozen(kw_only=True, eq=False)
class StoredRows:
    """What a store holds.

    Attributes:
        rows: their arrays are `numpy.memmap`s, to be read alone.
        about: what else its writer said of them, JSON values.
    """

    rows: Rows
    about: Mapping[str, Any]


def write_rows(folder: Path, blocks: Iterable[Rows], about: Mapping[str, object]) -> None:
    """Write a store; `open_rows` opens it once this returns, and it survives a power cut.

    Args:
        folder: where; it is not there yet.
        blocks: some rows at a time, all of one schema, in order.
        about: what else to remember, JSON values.

    Raises:
        OutputError: if the place does not take it.
        ValueError: if there is no block, or one has other columns than those before.
    """
    with _told_of(folder):
        folder.mkdir(parents=True)
    schema, files = None, dict[str, ArrayFile]()
    with contextlib.ExitStack() as stack:
        for block in blocks:
            arrays = _arrays(block)
            with _told_of(folder):
                if schema is None:
                    schema = block.schema
                    files = {name: ArrayFile(folder / f"{place}.npy") for place, name in enumerate(arrays)}
                    stack.callback(_abandon, files)
                if block.schema != schema or list(arrays) != list(files):
                    raise ValueError(f"a block must have the columns of those before, {', '.join(files)}")
                for name, array in arrays.items():
                    files[name].append(array)
        if schema is None:
            raise ValueError("there are no rows to keep")
        with _told_of(folder):
            _finish(folder, schema, files, about)


def open_rows(folder: Path) -> StoredRows | None:
    """Return the rows in a store, or None if there is none.

    What an array holds is compared with its hash, unless the file is the very one that was written: of that size,
    inode and times of change to the nanosecond.

    Raises:
        DataError: if the store is damaged or of another format.
    """
    try:
        facts = _unsealed((folder / _FACTS).read_bytes())
        arrays = {name: _mapped(folder, told) for name, told in facts["arrays"].items()}
        inputs = {name.removeprefix(_INPUT): array for name, array in arrays.items() if name.startswith(_INPUT)}
        others = {name: arrays.get(name) for name in _OTHERS}
        rows = Rows(schema=schema_from(facts), inputs=inputs, **others)
    except FileNotFoundError as error:
        if not folder.exists():
            return None
        raise DataError(f"the rows in {folder} are damaged: {error.filename} is missing") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the rows in {folder} are damaged: {error}") from error
    return StoredRows(rows=rows, about=facts["about"])


def kept_rows(
    folder: Path,
    make: Callable[[Path], tuple[Iterable[Rows], Mapping[str, object]]],
    *,
    say: Callable[[str], object] = lambda _: None,
) -> StoredRows:
    """Return the rows in a store, which is made first where there is none, or one that is damaged.

    Processes that do so at once do not disturb each other: the first store stays.

    Args:
        folder: the store's place.
        make: returns the rows, some at a time, and what else to remember; its argument is an empty folder for what it
            needs meanwhile.
        say: told of damage in a sentence.

    Raises:
        OutputError: if the place does not take it; nothing is left behind.
    """
    try:
        stored = open_rows(folder)
    except DataError as damage:
        say(f"{damage}; they are made again")
        stored = None
    if stored is not None:
        return stored
    with temporary_folder(folder.parent) as scratch:
        (scratch / "made").mkdir()
        blocks, about = make(scratch / "made")
        write_rows(scratch / "rows", blocks, about)
        _put(scratch / "rows", folder)
    stored = open_rows(folder)
    assert stored is not None  # noqa: S101 - it was put there
    return stored


def _put(written: Path, folder: Path) -> None:
    """Move a store out of a scratch folder to its place; one that is there and sound stays instead."""
    with _told_of(folder):
        while not _moved(written, folder):
            with contextlib.suppress(DataError):
                if open_rows(folder) is not None:
                    return
            # Beside what is written: nobody loses what they have mapped already.
            with contextlib.suppress(FileNotFoundError):
                folder.rename(written.with_name(uuid.uuid4().hex))
        make_durable(folder)


def _moved(written: Path, folder: Path) -> bool:
    """Move a folder to its place, unless something is there."""
    try:
        written.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def _finish(folder: Path, schema: Schema, files: Mapping[str, ArrayFile], about: Mapping[str, object]) -> None:
    """Close the files and say what they hold; that is the last thing to be there."""
    told = {name: {**file.close(), "file": file.path.name, "stamp": _stamp(file.path)} for name, file in files.items()}
    facts = {"format": FORMAT, "schema": attrs.asdict(schema), "arrays": told, "about": dict(about)}
    write_whole(folder / _FACTS, _sealed(facts))


def _abandon(files: Mapping[str, ArrayFile]) -> None:
    for file in files.values():
        file.abandon()


def _arrays(rows: Rows) -> dict[str, np.ndarray]:
    others = {name: getattr(rows, name) for name in _OTHERS}
    arrays = {f"{_INPUT}{name}": array for name, array in rows.inputs.items()} | others
    return {name: array for name, array in arrays.items() if array is not None}


def _mapped(folder: Path, told: Mapping[str, Any]) -> np.ndarray:
    """Return an array of the store, checked.

    Raises:
        ValueError: if it is not what was written.
    """
    path = folder / Path(told["file"]).name
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    if (array.dtype.str, list(array.shape)) != (told["dtype"], told["shape"]):
        raise ValueError(f"{path.name} has {array.dtype.str}{list(array.shape)} for {told['dtype']}{told['shape']}")
    if _stamp(path) != told["stamp"] and rows_sha256(array) != told["sha256"]:
        raise ValueError(f"{path.name} has another content than was written")
    return array


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]


def _sealed(facts: Mapping[str, Any]) -> bytes:
    text = json.dumps(facts, sort_keys=True)
    return json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "facts": facts}, sort_keys=True).encode()


def _unsealed(content: bytes) -> dict[str, Any]:
    told = json.loads(content)
    facts: dict[str, Any] = told["facts"]
    if hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest() != told["sha256"]:
        raise ValueError(f"{_FACTS} has another content than was written")
    if facts["format"] != FORMAT:
        raise ValueError(f"it has format {facts['format']}, this gmcore reads format {FORMAT}")
    return facts


@contextlib.contextmanager
def _told_of(folder: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot keep rows in {folder}: {error.strerror or error}") from error
