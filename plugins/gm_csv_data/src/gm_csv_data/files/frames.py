"""Parsing of the blocks of a file into columns, by polars."""

import contextlib
import csv
import io
import zlib
from collections.abc import Collection, Iterator, Mapping

import polars as pl

from gm_csv_data.files import diagnosis
from gm_csv_data.files.delimited_file import DelimitedFile, records
from gm_csv_data.files.dialect import Dialect
from gmcore.errors import DataError

__all__ = ["explained", "infer_types", "read_frames"]

_SAMPLE = 10_000
_SAMPLE_BYTES = 1 << 24
_BLOCK_BYTES = 1 << 24


def read_frames(
    file: DelimitedFile, types: Mapping[str, pl.DataType], missing: Collection[str], verbatim: Collection[str] = ()
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file in blocks, with columns of these types, by name.

    Args:
        file: the file.
        types: the type of each column.
        missing: fields that mean "no value".
        verbatim: columns of text in which only an empty field means that.

    Raises:
        DataError: if the file is unreadable or malformed.
        polars.exceptions.ComputeError: if a field does not fit the type of its column; never if all are text.
    """
    with explained(file, retried=any(kind != pl.String for kind in types.values())):
        for block in _bodies(file, len(types)):
            frame = _frame(block, file, types, missing, verbatim)
            if frame.height:
                yield frame


def infer_types(
    file: DelimitedFile, names: Collection[str], missing: Collection[str], texts: Collection[str]
) -> dict[str, pl.DataType]:
    """Return the type of each column, number, boolean or text, inferred from the first rows; `texts` are text."""
    sample = next(_bodies(file, len(names), size=_SAMPLE_BYTES), b"")
    places = {str(place): name for place, name in enumerate(names)}
    try:
        frame = pl.read_csv(
            _headed(sample, file, len(names)),
            separator=file.dialect.separator,
            null_values=list({"", *missing}),
            schema_overrides={place: pl.String for place, name in places.items() if name in texts},
            infer_schema_length=_SAMPLE,
            n_rows=_SAMPLE,
            glob=False,
        )
    except pl.exceptions.ComputeError:
        return dict.fromkeys(names, pl.String())
    return {places[place]: kind for place, kind in frame.schema.items()}


@contextlib.contextmanager
def explained(file: DelimitedFile, *, retried: bool = False) -> Iterator[None]:
    """Convert readers' errors to a `DataError` with their cause; if `retried`, leave errors of types to the caller."""
    try:
        yield
    except OSError as error:
        raise diagnosis.unreadable(file, error) from error
    except (
        EOFError,
        UnicodeError,
        csv.Error,
        zlib.error,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    ) as error:
        if retried and isinstance(error, pl.exceptions.ComputeError):
            raise
        raise diagnosis.explain(file, error) from error


def _frame(
    block: bytes,
    file: DelimitedFile,
    types: Mapping[str, pl.DataType],
    missing: Collection[str],
    verbatim: Collection[str],
) -> pl.DataFrame:
    """Return the records of a block, without blank lines and without blanks around fields."""
    frame = _parsed(block, file, types, missing)
    if verbatim:  # polars has one list of missing fields for all columns
        all_texts = dict.fromkeys(types, pl.String())
        frame = frame.with_columns(_parsed(block, file, all_texts, (), columns=verbatim))
    separators = block.count(file.dialect.separator.encode())
    quotable = frame.select(pl.selectors.string())
    separators -= sum(int(column.str.count_matches(file.dialect.separator, literal=True).sum()) for column in quotable)
    frame = _without_blank_lines(frame, block, file, separators)
    texts, written = pl.selectors.string() - pl.selectors.by_name(*verbatim), pl.selectors.by_name(*verbatim)
    stripped, kept = texts.str.strip_chars(), written.str.strip_chars()
    return frame.with_columns(pl.when(~stripped.is_in(["", *missing])).then(stripped), pl.when(kept != "").then(kept))


def _parsed(
    block: bytes,
    file: DelimitedFile,
    types: Mapping[str, pl.DataType],
    missing: Collection[str],
    *,
    columns: Collection[str] | None = None,
) -> pl.DataFrame:
    """Return the records of a block as polars reads them, with all columns or the given ones."""
    names = list(types)
    places = [place for place, name in enumerate(names) if columns is None or name in columns]
    frame = pl.read_csv(
        _headed(block, file, len(types)),
        separator=file.dialect.separator,
        columns=None if columns is None else places,
        null_values=list({"", *missing}),
        schema={str(place): kind for place, kind in enumerate(types.values())},
        glob=False,
    )
    frame.columns = [names[place] for place in places]
    return frame


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
        blank = diagnosis.blank_rows(records(text, Dialect(separator=file.dialect.separator)), file)
    except (DataError, csv.Error) as error:
        # The error's line is relative to the block; search the whole file for the right one.
        raise diagnosis.explain(file) from error
    return frame.filter(~pl.int_range(pl.len()).is_in(blank)) if blank else frame


def _headed(block: bytes, file: DelimitedFile, width: int) -> bytes:
    """Return a block of records under a header of numbers, because polars treats the first line differently."""
    return file.dialect.separator.join(map(str, range(width))).encode() + b"\n" + block


def _bodies(file: DelimitedFile, width: int, *, size: int = 0) -> Iterator[bytes]:
    """Yield the file's records in blocks, without the header.

    Raises:
        DataError: if polars splits the file into other lines than Python does.
    """
    blocks = file.blocks(size or _BLOCK_BYTES)
    for block in blocks:
        first, rest = _parted(block)
        if not first:
            continue
        line = pl.read_csv(first, separator=file.dialect.separator, has_header=False, infer_schema=False, glob=False)
        # A header may lack the separator at its end that rows have.
        if line.width not in ((width, width - 1) if file.dialect.has_header else (width,)):
            raise DataError(f"{file.path}: lines must end with a line feed, or a carriage return and a line feed")
        body = rest if file.dialect.has_header else block
        if body:
            yield body
        yield from blocks


def _parted(block: bytes) -> tuple[bytes, bytes]:
    """Return the first record that is not empty, and the rest of the block."""
    start = 0
    while block.startswith((b"\n", b"\r\n"), start):
        start = block.find(b"\n", start) + 1
    end = start
    while end < len(block):
        end = (block.find(b"\n", end) + 1) or len(block)
        if block.count(b'"', start, end) % 2 == 0:
            break
    return block[start:end], block[end:]
