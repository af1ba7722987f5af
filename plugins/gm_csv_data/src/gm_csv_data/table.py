"""A table of named columns, read from files in blocks of records."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import attrs
import numpy as np
import polars as pl

from gm_csv_data.column import Column
from gm_csv_data.files import diagnosis
from gm_csv_data.files.foreign import refuse_foreign
from gm_csv_data.files.frames import explained, infer_types, read_frames
from gm_csv_data.files.header import Header, read_header
from gm_csv_data.files.source import Source
from gm_csv_data.number_format import PLAIN, NumberFormat
from gmcore.errors import DataError, OutputError

__all__ = ["Table", "read_table"]


@attrs.frozen(kw_only=True, eq=False)
class Table(Mapping[str, Column]):
    """A mapping from column names to columns, each loaded when it is accessed.

    Attributes:
        source: the files.
        header: the column names, in order.
        types: the type of each column: numbers, booleans or text.
        load: returns the values of a column.
        read_as_text: reads the files again, all columns as text.
        numbers: how numbers in columns of text are written.
    """

    source: Source
    header: Header
    types: Mapping[str, pl.DataType]
    load: Callable[[str], pl.Series]
    read_as_text: Callable[[], "Table"]
    numbers: NumberFormat = PLAIN

    def __getitem__(self, name: str) -> Column:
        if name not in self.types:
            raise KeyError(name)
        return Column(self.load(name), self.source, self.numbers)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return self.header.names

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.source.height

    def with_numbers(self, numbers: NumberFormat) -> "Table":
        """Return the table with another format of numbers."""
        return attrs.evolve(self, numbers=numbers)

    def only(self, rows: np.ndarray) -> "Table":
        """Return the table with only the rows at these positions, `(n,)` int64, in ascending order."""
        return attrs.evolve(
            self,
            source=self.source.only(rows),
            load=lambda name: self.load(name).gather(rows),
            read_as_text=lambda: self.read_as_text().only(rows),
        )

    def as_text(self) -> "Table":
        """Return the table with all columns as text, as they are written."""
        return self.read_as_text()


def read_table(
    source: Source,
    *,
    missing: Collection[str],
    texts: Collection[str],
    verbatim: Collection[str] = (),
    spill: Path | None = None,
    tell: Callable[[int], object] = lambda _: None,
) -> Table:
    """Return the files' columns: numbers or booleans if all of a column's fields are, else texts.

    Blanks around names and fields are removed, and blank lines are skipped.

    Args:
        source: the files.
        missing: fields that mean "no value".
        texts: columns to read as text, whatever their fields.
        verbatim: those of them in which only an empty field means "no value".
        spill: an empty folder for the data read; None to hold it in memory.
        tell: called with the number of rows read so far, after each block.

    Raises:
        DataError: if a file is missing, unreadable, empty or malformed, or has other columns than the first one.
    """
    header = _common_header(source)
    with explained(source.files[0]):
        types = infer_types(source.files[0], header.names, missing, texts)
    verbatim = [name for name in verbatim if name in header.names]
    reader = _TableReader(source=source, header=header, missing=missing, verbatim=verbatim, spill=spill, tell=tell)
    try:
        return reader.read(types)
    except pl.exceptions.ComputeError:
        # A later row does not fit the types inferred from the first rows.
        return reader.read_as_text()


@attrs.frozen(kw_only=True)
class _TableReader:
    """Reads all columns of files; the attributes are those of `read_table`."""

    source: Source
    header: Header
    missing: Collection[str]
    verbatim: Collection[str]
    spill: Path | None
    tell: Callable[[int], object]

    def read(self, types: Mapping[str, pl.DataType], *, prefix: str = "") -> Table:
        """Return a table with columns of these types; `prefix` begins the names of its files, if there are any."""
        put, load = _memory() if self.spill is None else _files(self.spill, prefix)
        counts: list[int] = []
        for file in self.source.files:
            count = 0
            for frame in read_frames(file, types, self.missing, self.verbatim):
                put(frame)
                count += frame.height
                self.tell(sum(counts) + count)
            if not count:
                raise DataError(f"{file.path} has {'a header but ' if file.dialect.has_header else ''}no rows")
            counts.append(count)
        source = attrs.evolve(self.source, counts=tuple(counts))
        return Table(source=source, header=self.header, types=types, load=load, read_as_text=self.read_as_text)

    def read_as_text(self) -> Table:
        """Return a table of text."""
        return self.read(dict.fromkeys(self.header.names, pl.String()), prefix="text-")


Store = tuple[Callable[[pl.DataFrame], None], Callable[[str], pl.Series]]
"""A function that stores a frame, and one that loads a column of all frames."""


def _memory() -> Store:
    frames: list[pl.DataFrame] = []
    return frames.append, lambda name: pl.concat([frame[name] for frame in frames])


def _files(folder: Path, prefix: str) -> Store:
    paths: list[Path] = []

    def put(frame: pl.DataFrame) -> None:
        paths.append(folder / f"{prefix}{len(paths)}.arrow")
        try:
            frame.write_ipc(paths[-1])
        except (OSError, pl.exceptions.PolarsError) as error:
            reason = getattr(error, "strerror", None) or "the disk may be full"
            raise OutputError(f"cannot keep rows in {folder}: {reason}") from error

    def load(name: str) -> pl.Series:
        return pl.concat([pl.read_ipc(path, columns=[name]) for path in paths]).to_series()

    return put, load


def _common_header(source: Source) -> Header:
    """Return the header of the first file, after comparing it with those of the others."""
    headers: list[Header] = []
    for file in source.files:
        with explained(file):
            refuse_foreign(file)
            headers.append(read_header(file))
            if file.dialect.is_plain and file.count(b'"') % 2:
                raise diagnosis.explain(file)
        if headers[-1].names != headers[0].names:
            raise DataError(
                f"{file.path} has other columns than {source.files[0].path}: "
                f"{', '.join(headers[-1].names)} instead of {', '.join(headers[0].names)}; all files must have the "
                "same columns in the same order"
            )
    return headers[0]
