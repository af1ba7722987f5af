"""The row store: rows as memory-mapped files, written once and verified when opened."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import attrs
import numpy as np

from gmcore.domain import Array, Rows, WindowedSeries
from gmcore.errors import DataError, OutputError
from gmcore.storage.array_file import ArrayFile, rows_sha256
from gmcore.storage.files import write_whole
from gmcore.storage.schema_header import SchemaHeader, schema_from

__all__ = ["FORMAT", "StoredRows", "as_output_error", "open_rows", "write_rows"]

FORMAT = 2
"""Changes when earlier stores can no longer be read, or would be written differently."""

_FACTS = "rows.json"
_INPUT = "inputs."
# Of an input that is windows of a series: the steps, written once, and where each row's window starts.
_SERIES, _STARTS = "series.", "starts."
_OTHERS = ("targets", "weights", "groups", "time", "ids")


class _ArrayEntry(TypedDict):
    """What `rows.json` records of one array; `stamp` is size, inode and times of change."""

    dtype: str
    shape: list[int]
    sha256: str
    file: str
    stamp: list[int]


class _WindowsEntry(TypedDict):
    """What `rows.json` records of windows, see `WindowedSeries`."""

    length: int
    reach: int


class _Facts(SchemaHeader):
    """The content of `rows.json`."""

    arrays: dict[str, _ArrayEntry]
    windows: dict[str, _WindowsEntry]
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
    with as_output_error(folder):
        folder.mkdir(parents=True)
    store = None
    with contextlib.ExitStack() as stack:
        for block in blocks:
            with as_output_error(folder):
                if store is None:
                    store = _Files.begun(folder, block)
                    stack.callback(store.abandon)
                store.append(block)
        if store is None:
            raise ValueError("there are no rows to write")
        with as_output_error(folder):
            store.finish(about)


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
        inputs: dict[str, Array] = {
            name.removeprefix(_INPUT): array for name, array in arrays.items() if name.startswith(_INPUT)
        }
        for name, entry in facts["windows"].items():
            steps, starts = arrays[f"{_SERIES}{name}"], arrays[f"{_STARTS}{name}"]
            inputs[name] = WindowedSeries(series=steps, starts=starts, length=entry["length"], reach=entry["reach"])
        others = {name: arrays.get(name) for name in _OTHERS}
        _check_has_inputs(inputs)
        stored = StoredRows(rows=Rows(schema=schema_from(facts), inputs=inputs, **others), about=facts["about"])
    except FileNotFoundError as error:
        if not folder.exists():
            return None
        raise DataError(f"the rows in {folder} are damaged: {error.filename} is missing") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"the rows in {folder} are damaged: {error}") from error
    return stored


@attrs.frozen(eq=False)
class _Files:
    """The files of a store that is being written.

    Attributes:
        folder: the store's folder.
        first: the first block.
        columns: those with an entry for each row, by name.
        series: those of the series of windows, by name.
    """

    folder: Path
    first: Rows
    columns: Mapping[str, ArrayFile]
    series: Mapping[str, ArrayFile]

    @classmethod
    def begun(cls, folder: Path, first: Rows) -> "_Files":
        """Return the files for blocks like the first one."""
        names = [*_arrays(first), *(f"{_SERIES}{name}" for name in first.windowed)]
        files = {name: ArrayFile(folder / f"{place}.npy") for place, name in enumerate(names)}
        series = {name: file for name, file in files.items() if name.startswith(_SERIES)}
        store = cls(folder, first, {name: file for name, file in files.items() if name not in series}, series)
        for name, windows in first.windowed.items():
            series[f"{_SERIES}{name}"].append(windows.series)
        return store

    def append(self, block: Rows) -> None:
        """Append the rows of a block."""
        arrays = _arrays(block)
        if block.schema != self.first.schema or list(arrays) != list(self.columns) or not self._has_series_of(block):
            raise ValueError(f"all blocks must have the columns of the first one: {', '.join(self.columns)}")
        for name, array in arrays.items():
            self.columns[name].append(array)

    def finish(self, about: Mapping[str, object]) -> None:
        """Close the files and write `rows.json`, which completes the store."""
        files = {**self.columns, **self.series}
        arrays = {
            name: {**file.close(), "file": file.path.name, "stamp": _stamp(file.path)} for name, file in files.items()
        }
        windows = {name: {"length": one.length, "reach": one.reach} for name, one in self.first.windowed.items()}
        schema = attrs.asdict(self.first.schema)
        facts = {"format": FORMAT, "schema": schema, "arrays": arrays, "windows": windows, "about": dict(about)}
        write_whole(self.folder / _FACTS, _sealed(facts))

    def abandon(self) -> None:
        """Close the files without finishing the store."""
        for file in (*self.columns.values(), *self.series.values()):
            file.abandon()

    def _has_series_of(self, block: Rows) -> bool:
        """Return whether a block has windows of the series that are written."""
        known, given = self.first.windowed, block.windowed
        return known.keys() == given.keys() and all(
            known[name].series is one.series and (known[name].length, known[name].reach) == (one.length, one.reach)
            for name, one in given.items()
        )


def _arrays(rows: Rows) -> dict[str, np.ndarray]:
    """Return all arrays with an entry for each row, by their names in the store."""
    windowed = rows.windowed
    inputs = {f"{_INPUT}{name}": rows.inputs[name] for name in rows.inputs if name not in windowed}
    starts = {f"{_STARTS}{name}": windows.starts for name, windows in windowed.items()}
    others = {name: getattr(rows, name) for name in _OTHERS}
    return {name: array for name, array in (inputs | starts | others).items() if array is not None}


def _check_has_inputs(inputs: Mapping[str, Array]) -> None:
    if not inputs:
        raise ValueError("they have no inputs")


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
def as_output_error(folder: Path) -> Iterator[None]:
    """Raise `OutputError` in place of an error of the system in the block."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write rows to {folder}: {error.strerror or error}") from error
