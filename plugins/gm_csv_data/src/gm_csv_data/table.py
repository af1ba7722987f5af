"""A table of named columns, read from files by polars in blocks of records."""

import contextlib
import csv
import io
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import attrs
import polars as pl

from gm_csv_data import diagnosis
from gm_csv_data.column import Column
from gm_csv_data.delimited_file import DelimitedFile, records
from gm_csv_data.source import Source
from gmcore.errors import DataError, OutputError

__all__ = ["Table", "read_table"]

_SAMPLE = 10_000
_SAMPLE_BYTES = 1 << 24
_BLOCK_BYTES = 1 << 24
_BOM = b"\xef\xbb\xbf"


@attrs.frozen(kw_only=True, eq=False)
class Table(Mapping[str, Column]):
    """A mapping from column names to columns, each loaded when it is accessed.

    Attributes:
        source: the files.
        names: the column names, in order.
        load: returns the values of a column.
    """

    source: Source
    names: tuple[str, ...]
    load: Callable[[str], pl.Series]

    def __getitem__(self, name: str) -> Column:
        if name not in self.names:
            raise KeyError(name)
        return Column(self.load(name), self.source)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def height(self) -> int:
        """Number of rows."""
        return sum(self.source.counts)


def read_table(
    source: Source,
    *,
    missing: Collection[str],
    texts: Collection[str],
    spill: Path | None = None,
    tell: Callable[[int], object] = lambda _: None,
) -> Table:
    """Return the files' columns: numbers or booleans if all of a column's fields are, else texts.

    Blanks around names and fields are removed, and blank lines are skipped.

    Args:
        source: the files.
        missing: fields that mean "no value".
        texts: columns to read as text, whatever their fields.
        spill: an empty folder for the data read; None to hold it in memory.
        tell: called with the number of rows read so far, after each block.

    Raises:
        DataError: if a file is missing, unreadable, empty or malformed, or has other columns than the first one.
    """
    names: tuple[str, ...] = ()
    for file in source.files:
        with _explained(file):
            found = tuple(name.strip() for name in diagnosis.header(file))
            if file.count(b'"') % 2:
                raise diagnosis.explain(file)
        if names and found != names:
            raise DataError(
                f"{file.path} has other columns than {source.files[0].path}: "
                f"{_listed(found)} instead of {_listed(names)}; all files must have the same columns in the same order"
            )
        names = found
    with _explained(source.files[0]):
        types = _inferred(source.files[0], names, missing, texts)
    try:
        return _read(source, types, missing, _store(spill), tell)
    except pl.exceptions.ComputeError:
        # A later row does not fit the types inferred from the first rows: read all fields as text.
        return _read(source, dict.fromkeys(names, pl.String()), missing, _store(spill), tell)


Keep = tuple[Callable[[pl.DataFrame], None], Callable[[str], pl.Series]]


def _store(spill: Path | None) -> Keep:
    """Return a function that stores a frame and one that loads a column, in memory or from files in a folder."""
    if spill is None:
        frames: list[pl.DataFrame] = []
        return frames.append, lambda name: pl.concat([frame[name] for frame in frames])
    paths: list[Path] = []

    def put(frame: pl.DataFrame) -> None:
        paths.append(spill / f"{len(paths)}.arrow")
        try:
            frame.write_ipc(paths[-1])
        except (OSError, pl.exceptions.PolarsError) as error:
            raise OutputError(f"cannot keep rows in {spill}: {error}") from error

    def load(name: str) -> pl.Series:
        return pl.concat([pl.read_ipc(path, columns=[name]) for path in paths]).to_series()

    return put, load


def _read(
    source: Source,
    types: Mapping[str, pl.DataType],
    missing: Collection[str],
    keep: Keep,
    tell: Callable[[int], object],
) -> Table:
    put, load = keep
    counts: list[int] = []
    for file in source.files:
        count = 0
        for frame in _frames(file, types, missing):
            put(frame)
            count += frame.height
            tell(sum(counts) + count)
        if not count:
            raise DataError(f"{file.path} has a header but no rows")
        counts.append(count)
    return Table(source=attrs.evolve(source, counts=tuple(counts)), names=tuple(types), load=load)


def _frames(file: DelimitedFile, types: Mapping[str, pl.DataType], missing: Collection[str]) -> Iterator[pl.DataFrame]:
    with _explained(file, retried=any(kind != pl.String for kind in types.values())):
        for block in _bodies(file, len(types)):
            frame = _frame(block, file, types, missing)
            if frame.height:
                yield frame


def _frame(
    block: bytes, file: DelimitedFile, types: Mapping[str, pl.DataType], missing: Collection[str]
) -> pl.DataFrame:
    """Return the records of a block, without blank lines and without blanks around fields."""
    frame = pl.read_csv(
        _headed(block, file, len(types)),
        separator=file.separator,
        null_values=list({"", *missing}),
        schema={str(place): kind for place, kind in enumerate(types.values())},
        glob=False,
    )
    frame.columns = list(types)
    separators = block.count(file.separator.encode())
    quotable = frame.select(pl.selectors.string())
    separators -= sum(int(column.str.count_matches(file.separator, literal=True).sum()) for column in quotable)
    frame = _without_blank_lines(frame, block, file, separators)
    stripped = pl.selectors.string().str.strip_chars()
    return frame.with_columns(pl.when(~stripped.is_in(["", *missing])).then(stripped))


def _without_blank_lines(frame: pl.DataFrame, block: bytes, file: DelimitedFile, separators: int) -> pl.DataFrame:
    """Drop rows that are blank lines, and raise `DataError` for rows with too few fields.

    Polars rejects rows with too many fields but pads blank lines and rows with too few. A block whose number of
    separators is exactly that of its table has neither, so it needs no second pass.
    """
    needed = (frame.width - 1) * frame.height
    if separators == needed and not (frame.width == 1 and frame.to_series().has_nulls()):
        return frame
    text = io.StringIO(_headed(block, file, frame.width).decode(), newline="")
    try:
        blank = diagnosis.blank_rows(records(text, file.separator), file)
    except (DataError, csv.Error):
        # The error's line is relative to the block; search the whole file for the right one.
        diagnosis.blank_rows(file.records(), file)
        raise
    return frame.filter(~pl.int_range(pl.len()).is_in(blank)) if blank else frame


def _inferred(
    file: DelimitedFile, names: Collection[str], missing: Collection[str], texts: Collection[str]
) -> dict[str, pl.DataType]:
    """Return the type of each column, number, boolean or text, inferred from the first rows."""
    sample = next(_bodies(file, len(names), size=_SAMPLE_BYTES), b"")
    places = {str(place): name for place, name in enumerate(names)}
    try:
        frame = pl.read_csv(
            _headed(sample, file, len(names)),
            separator=file.separator,
            null_values=list({"", *missing}),
            schema_overrides={place: pl.String for place, name in places.items() if name in texts},
            infer_schema_length=_SAMPLE,
            n_rows=_SAMPLE,
            glob=False,
        )
    except pl.exceptions.ComputeError:
        return dict.fromkeys(names, pl.String())
    return {places[place]: kind for place, kind in frame.schema.items()}


def _headed(block: bytes, file: DelimitedFile, width: int) -> bytes:
    """Return a block of records under a header of numbers, because polars treats the first line differently."""
    return file.separator.join(map(str, range(width))).encode() + b"\n" + block


def _bodies(file: DelimitedFile, width: int, *, size: int = 0) -> Iterator[bytes]:
    """Yield the file's records in blocks, without the header.

    Raises:
        DataError: if polars splits the file into other lines than Python does.
    """
    blocks = file.blocks(size or _BLOCK_BYTES)
    for block in blocks:
        header, body = _parted(block)
        if not header:
            continue
        line = pl.read_csv(header, separator=file.separator, has_header=False, infer_schema=False, glob=False)
        if line.width != width:
            raise DataError(f"{file.path}: lines must end with a line feed, or a carriage return and a line feed")
        if body:
            yield body
        yield from blocks


def _parted(block: bytes) -> tuple[bytes, bytes]:
    """Return the first record that is not empty, and the rest of the block."""
    start = len(_BOM) if block.startswith(_BOM) else 0
    while block.startswith((b"\n", b"\r\n"), start):
        start = block.find(b"\n", start) + 1
    end = start
    while end < len(block):
        end = (block.find(b"\n", end) + 1) or len(block)
        if block.count(b'"', start, end) % 2 == 0:
            break
    return block[start:end], block[end:]


@contextlib.contextmanager
def _explained(file: DelimitedFile, *, retried: bool = False) -> Iterator[None]:
    """Convert readers' errors to a `DataError` with their cause; if `retried`, leave errors of types to the caller."""
    try:
        yield
    except OSError as error:
        raise diagnosis.unreadable(file, error) from error
    except (EOFError, UnicodeError, zlib.error, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        if retried and isinstance(error, pl.exceptions.ComputeError):
            raise
        raise diagnosis.explain(file, error) from error


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)
