"""Files become named columns: polars reads them some records at a time, and its result is checked by one count."""

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
    """A table's columns, by name, each there when it is asked for.

    Attributes:
        source: the files.
        names: of the columns, in order.
        load: returns a column's values.
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
        """How many rows there are."""
        return sum(self.source.counts)


def read_table(
    source: Source,
    *,
    missing: Collection[str],
    texts: Collection[str],
    spill: Path | None = None,
    tell: Callable[[int], object] = lambda _: None,
) -> Table:
    """Return the files' columns: numbers or booleans where all of a column's fields are, else texts.

    Surrounding blanks are no part of a name or a field, and blank lines are not rows.

    Args:
        source: where from.
        missing: fields that mean "no value".
        texts: columns to keep as texts, whatever they hold.
        spill: an empty folder that keeps what was read, where that is not to be in memory.
        tell: told of how many rows were read, once in a while.

    Raises:
        DataError: if a file is not there, not readable, empty, or not a table like the others.
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
                f"{_listed(found)} for {_listed(names)}; files of one table have the same columns in the same order"
            )
        names = found
    with _explained(source.files[0]):
        types = _inferred(source.files[0], names, missing, texts)
    try:
        return _read(source, types, missing, _store(spill), tell)
    except pl.exceptions.ComputeError:
        # A later row has what the first ones had not: keep all fields as texts.
        return _read(source, dict.fromkeys(names, pl.String()), missing, _store(spill), tell)


Keep = tuple[Callable[[pl.DataFrame], None], Callable[[str], pl.Series]]


def _store(spill: Path | None) -> Keep:
    """Return where frames go, and where columns come from: memory, or files in a folder, which is emptied."""
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
            raise DataError(f"{file.path} has a header and no rows")
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
    """Return the records of a block, without blank lines, their fields stripped of blanks around them."""
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
    """Drop rows that are blank lines, and refuse those with too few fields.

    Polars refuses too many fields, and fills up too few as it does blank lines. If there are just
    the separators between fields that the table needs, neither is there.
    """
    needed = (frame.width - 1) * frame.height
    if separators == needed and not (frame.width == 1 and frame.to_series().has_nulls()):
        return frame
    text = io.StringIO(_headed(block, file, frame.width).decode(), newline="")
    try:
        blank = diagnosis.blank_rows(records(text, file.separator), file)
    except (DataError, csv.Error):
        # Its line counts from the block's beginning, not the file's.
        diagnosis.blank_rows(file.records(), file)
        raise
    return frame.filter(~pl.int_range(pl.len()).is_in(blank)) if blank else frame


def _inferred(
    file: DelimitedFile, names: Collection[str], missing: Collection[str], texts: Collection[str]
) -> dict[str, pl.DataType]:
    """Return what the columns look like by the first rows: numbers, booleans or texts."""
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
    """Return a block of records under a header of numbers: polars takes first lines for something else."""
    return file.separator.join(map(str, range(width))).encode() + b"\n" + block


def _bodies(file: DelimitedFile, width: int, *, size: int = 0) -> Iterator[bytes]:
    """Yield the file's records, many at a time, without its header.

    Raises:
        DataError: if polars finds other lines in the file than Python does.
    """
    blocks = file.blocks(size or _BLOCK_BYTES)
    for block in blocks:
        header, body = _parted(block)
        if not header:
            continue
        line = pl.read_csv(header, separator=file.separator, has_header=False, infer_schema=False, glob=False)
        if line.width != width:
            raise DataError(f"{file.path}: lines must end in a line feed, with or without a carriage return before it")
        if body:
            yield body
        yield from blocks


def _parted(block: bytes) -> tuple[bytes, bytes]:
    """Return the first record that is not empty, and what follows it."""
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
    """Turn what readers raise into what is wrong with the file, unless it is read in another way then."""
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
