"""Rows as files that are mapped into memory: written once, checked when they are opened, read where they are needed."""

import contextlib
import errno
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Rows, Schema
from gmcore.errors import DataError, OutputError
from gmcore.training.array_file import ArrayFile, rows_sha256
from gmcore.training.files import make_durable, write_whole
from gmcore.training.model_file import schema_from

__all__ = ["FORMAT", "RowWriter", "StoredRows", "open_rows", "put_rows"]

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


@attrs.frozen(eq=False)
class RowWriter:
    """Writes the arrays of a store, each some rows at a time.

    Attributes:
        folder: where; it must not be there yet.
    """

    folder: Path
    _files: dict[str, ArrayFile] = attrs.field(init=False, factory=dict)

    def append(self, name: str, rows: np.ndarray) -> None:
        """Add rows to an array: `"targets"`, `"weights"`, `"groups"`, `"time"`, or `"inputs."` and an input's name.

        Raises:
            OutputError: if the place does not take it.
            ValueError: if the rows are not like the ones before.
        """
        with _told_of(self.folder):
            if name not in self._files:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._files[name] = ArrayFile(self.folder / f"{len(self._files)}.npy")
            self._files[name].append(rows)

    def finish(self, schema: Schema, about: Mapping[str, object]) -> None:
        """Make the store whole and durable: `open_rows` opens it from here on.

        Args:
            schema: what the columns are.
            about: what else to remember, JSON values.

        Raises:
            OutputError: if the place does not take it.
        """
        with _told_of(self.folder):
            arrays = {
                name: {**file.close(), "file": file.path.name, "stamp": _stamp(file.path)}
                for name, file in self._files.items()
            }
            facts = {"format": FORMAT, "schema": attrs.asdict(schema), "arrays": arrays, "about": dict(about)}
            write_whole(self.folder / _FACTS, _sealed(facts))
            make_durable(self.folder / _FACTS)

    def abandon(self) -> None:
        """Let go of the files of a store that is not to be finished."""
        for file in self._files.values():
            file.abandon()


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


def put_rows(written: Path, folder: Path) -> None:
    """Move a finished store to its place; one that is there and sound stays instead: its writer came first.

    Args:
        written: the store, in a scratch folder of its own.
        folder: its place, in the same file system.

    Raises:
        OutputError: if the place does not take it.
    """
    with _told_of(folder):
        while not _moved(written, folder):
            with contextlib.suppress(DataError):
                if open_rows(folder) is not None:
                    return
            # Aside, beside what is written: nobody loses what they have mapped already.
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
