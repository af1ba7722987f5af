"""The row store: rows as memory-mapped files, written once and verified when opened."""

import contextlib
import errno
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import attrs
import numpy as np

from gmcore.domain import Rows, Schema
from gmcore.errors import DataError, OutputError
from gmcore.storage.array_file import ArrayFile, rows_sha256
from gmcore.storage.files import make_durable, write_whole
from gmcore.storage.model_file import SchemaHeader, schema_from
from gmcore.storage.temporary import temporary_folder

__all__ = ["FORMAT", "StoredRows", "kept_rows", "open_rows", "write_rows"]

FORMAT = 1
"""Changes when earlier stores can no longer be read, or would be written differently."""

_FACTS = "rows.json"
_INPUT = "inputs."
_OTHERS = ("targets", "weights", "groups", "time", "ids")


class _ArrayEntry(TypedDict):
    """What `rows.json` records of one array; `stamp` is size, inode and times of change."""

    dtype: str
    shape: list[int]
    sha256: str
    file: str
    stamp: list[int]


class _Facts(SchemaHeader):
    """The content of `rows.json`."""

    arrays: dict[str, _ArrayEntry]
    about: dict[str, object]


@attrs.frozen(kw_only=True, eq=False)
class StoredRows:
    """The content of a store.

    Attributes:
        rows: the rows; their arrays are read-only `numpy.memmap`s.
        about: further JSON values from the writer.
    """

    rows: Rows
    about: Mapping[str, Any]


def write_rows(folder: Path, blocks: Iterable[Rows], about: Mapping[str, object]) -> None:
    """Write a store durably; `open_rows` can open it afterwards.

    Args:
        folder: the store's folder, which must not exist yet.
        blocks: blocks of rows in order, all of one schema.
        about: further JSON values to record.

    Raises:
        OutputError: if the folder can't be written.
        ValueError: if there are no blocks, or their columns differ.
    """
    with _as_output_error(folder):
        folder.mkdir(parents=True)
    schema, files = None, dict[str, ArrayFile]()
    with contextlib.ExitStack() as stack:
        for block in blocks:
            arrays = _arrays(block)
            with _as_output_error(folder):
                if schema is None:
                    schema = block.schema
                    files = {name: ArrayFile(folder / f"{place}.npy") for place, name in enumerate(arrays)}
                    stack.callback(_abandon, files)
                if block.schema != schema or list(arrays) != list(files):
                    raise ValueError(f"all blocks must have the columns of the first one: {', '.join(files)}")
                for name, array in arrays.items():
                    files[name].append(array)
        if schema is None:
            raise ValueError("there are no rows to write")
        with _as_output_error(folder):
            _finish(folder, schema, files, about)


def open_rows(folder: Path) -> StoredRows | None:
    """Return the rows in a store, or None if there is no store.

    The content of each array is verified by its hash, unless the file is unchanged since it was written: same size,
    same inode, same times of change to the nanosecond.

    Raises:
        DataError: if the store is damaged or has another format.
    """
    try:
        facts = _unsealed((folder / _FACTS).read_bytes())
        arrays = {name: _mapped(folder, entry) for name, entry in facts["arrays"].items()}
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
    """Return the rows in a store, which is built first if it is absent or damaged.

    Several processes may call this at once: the first store that is complete is kept.

    Args:
        folder: the store's folder.
        make: returns blocks of rows and further JSON values to record; its argument is an empty temporary folder.
        say: called with a message if the store is damaged.

    Raises:
        OutputError: if the store can't be written; nothing is left behind.
    """
    try:
        stored = open_rows(folder)
    except DataError as damage:
        say(f"{damage}; rebuilding them")
        stored = None
    if stored is not None:
        return stored
    with temporary_folder(folder.parent) as temporary:
        (temporary / "made").mkdir()
        blocks, about = make(temporary / "made")
        write_rows(temporary / "rows", blocks, about)
        _install(temporary / "rows", folder)
    stored = open_rows(folder)
    assert stored is not None  # noqa: S101 - it was installed
    return stored


def _install(written: Path, folder: Path) -> None:
    """Move a new store to `folder`, unless an intact one is there."""
    with _as_output_error(folder):
        while not _moved(written, folder):
            with contextlib.suppress(DataError):
                if open_rows(folder) is not None:
                    return
            # Move the damaged store away instead of deleting it: other processes may have it mapped.
            with contextlib.suppress(FileNotFoundError):
                folder.rename(written.with_name(uuid.uuid4().hex))
        make_durable(folder)


def _moved(written: Path, folder: Path) -> bool:
    """Move a folder, and return False if its destination is occupied."""
    try:
        written.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def _finish(folder: Path, schema: Schema, files: Mapping[str, ArrayFile], about: Mapping[str, object]) -> None:
    """Close the files and write `rows.json`, which completes the store."""
    arrays = {
        name: {**file.close(), "file": file.path.name, "stamp": _stamp(file.path)} for name, file in files.items()
    }
    facts = {"format": FORMAT, "schema": attrs.asdict(schema), "arrays": arrays, "about": dict(about)}
    write_whole(folder / _FACTS, _sealed(facts))


def _abandon(files: Mapping[str, ArrayFile]) -> None:
    for file in files.values():
        file.abandon()


def _arrays(rows: Rows) -> dict[str, np.ndarray]:
    others = {name: getattr(rows, name) for name in _OTHERS}
    arrays = {f"{_INPUT}{name}": array for name, array in rows.inputs.items()} | others
    return {name: array for name, array in arrays.items() if array is not None}


def _mapped(folder: Path, entry: _ArrayEntry) -> np.ndarray:
    """Return an array of the store, memory-mapped and verified.

    Raises:
        ValueError: if it is not what was written.
    """
    path = folder / Path(entry["file"]).name
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    if (array.dtype.str, list(array.shape)) != (entry["dtype"], entry["shape"]):
        raise ValueError(f"{path.name} is {array.dtype.str}{list(array.shape)}, not {entry['dtype']}{entry['shape']}")
    if _stamp(path) != entry["stamp"] and rows_sha256(array) != entry["sha256"]:
        raise ValueError(f"the content of {path.name} has changed since it was written")
    return array


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]


def _sealed(facts: Mapping[str, object]) -> bytes:
    """Return facts as JSON, with their checksum."""
    text = json.dumps(facts, sort_keys=True)
    return json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "facts": facts}, sort_keys=True).encode()


def _unsealed(content: bytes) -> _Facts:
    sealed = json.loads(content)
    facts: _Facts = sealed["facts"]
    if hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest() != sealed["sha256"]:
        raise ValueError(f"the content of {_FACTS} has changed since it was written")
    if facts["format"] != FORMAT:
        raise ValueError(f"they have format {facts['format']}, this gmcore reads format {FORMAT}")
    return facts


@contextlib.contextmanager
def _as_output_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write rows to {folder}: {error.strerror or error}") from error
