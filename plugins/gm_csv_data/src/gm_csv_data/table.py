"""A file becomes named columns: polars reads it, and its result is checked by one count."""

import zlib
from collections.abc import Collection

import polars as pl

from gm_csv_data import diagnosis
from gm_csv_data.delimited_file import DelimitedFile
from gmcore.errors import DataError

__all__ = ["read_table"]

_SAMPLE = 10_000


def read_table(file: DelimitedFile, *, missing: Collection[str], texts: Collection[str]) -> pl.DataFrame:
    """Return the file's columns: numbers or booleans where all of a column's fields are, else texts.

    Surrounding blanks are no part of a name or a field, and blank lines are not rows.

    Args:
        file: where from.
        missing: fields that mean "no value".
        texts: columns to keep as texts, whatever they hold.

    Raises:
        DataError: if the file is not there, not readable, empty, or not a table.
    """
    try:
        header = diagnosis.header(file)
        separators, quotes = file.count(file.separator, '"')
        if quotes % 2:
            raise diagnosis.explain(file)
        frame = _parse(file, missing, [name for name in header if name.strip() in texts])
    except OSError as error:
        raise diagnosis.unreadable(file, error) from error
    except (EOFError, UnicodeError, zlib.error, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise diagnosis.explain(file, error) from error
    if frame.width != len(header):
        raise DataError(f"{file.path}: lines must end in a line feed, with or without a carriage return before it")
    frame.columns = [name.strip() for name in header]
    quotable = [pl.Series(header), *frame.select(pl.selectors.string())]
    separators -= sum(column.str.count_matches(file.separator, literal=True).sum() for column in quotable)
    frame = _without_blank_lines(frame, file, separators)
    if frame.height == 0:
        raise DataError(f"{file.path} has a header and no rows")
    stripped = pl.selectors.string().str.strip_chars()
    return frame.with_columns(pl.when(~stripped.is_in(["", *missing])).then(stripped))


def _parse(file: DelimitedFile, missing: Collection[str], texts: Collection[str]) -> pl.DataFrame:
    """Let polars find numbers, by the first rows; where a later row has none, keep all fields as texts."""
    source = file.path if file.is_utf8 else file.decode().encode()
    null_values = list({"", *missing})
    try:
        return pl.read_csv(
            source,
            separator=file.separator,
            null_values=null_values,
            schema_overrides=dict.fromkeys(texts, pl.String),
            infer_schema_length=_SAMPLE,
            glob=False,
        )
    except pl.exceptions.ComputeError:
        return pl.read_csv(source, separator=file.separator, null_values=null_values, infer_schema=False, glob=False)


def _without_blank_lines(frame: pl.DataFrame, file: DelimitedFile, separators: int) -> pl.DataFrame:
    """Drop rows that are blank lines, and refuse those with too few fields.

    Polars refuses too many fields, and fills up too few as it does blank lines. If there are just
    the separators between fields that the table needs, neither is there.
    """
    needed = (frame.width - 1) * (frame.height + 1)
    if separators == needed and not (frame.width == 1 and frame.to_series().has_nulls()):
        return frame
    blank = diagnosis.blank_rows(file)
    return frame.filter(~pl.int_range(pl.len()).is_in(blank)) if blank else frame
