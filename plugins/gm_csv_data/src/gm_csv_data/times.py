"""The times that order rows, from a column of numbers or dates."""

import numpy as np
import polars as pl

from gm_csv_data.column import Column
from gm_csv_data.dates import parse_dates
from gmcore.domain.data.date_formats import format_words, read_iso
from gmcore.domain.data.date_recognition import RecognizedDates

__all__ = ["encode_times"]

_LARGEST_EXACT = 2**53  # every integer up to here is a float64


def encode_times(column: Column, date_format: str | None = None) -> tuple[np.ndarray, str | None]:
    """Return times as float64 or int64, or as datetime64 in UTC, and their format, which is None for ISO and numbers.

    Args:
        column: a column of texts or numbers.
        date_format: the format of dates, with the directives of strftime; None to recognize it.

    Raises:
        DataError: if a value is missing or is neither a number nor a date, or day and month can't be told apart.
    """
    column.refuse_missing()
    found, bad = None if date_format is None else column.recognized_dates(date_format), None
    if found is None or found.date_format != date_format:
        if column.parsed.null_count() == 0:
            return _numbers(column), None
        instants, bad = read_iso(column.texts)
        if bad is None:
            return instants, None
        found = found or column.recognized_dates()
    if found is None or found.stray.any():
        at = bad if found is None else column.values.index_of(column.distinct[int(found.stray.argmax())])
        raise column.error_at(pl.int_range(len(column.values), eager=True) == at, _problem(found, date_format))
    column.refuse_unclear(found, "or set date_format")  # only if day and month can't be told apart
    return parse_dates(column.texts, found.date_format).to_numpy(), found.date_format


def _problem(found: RecognizedDates | None, date_format: str | None) -> str:
    """Return what a message says of a text that is no date."""
    if date_format is not None and (found is None or found.date_format == date_format):
        return f"is not {format_words(date_format)}; correct it, or correct date_format"
    return "is not a time; write a number or an ISO date such as 2024-12-31, or set date_format"


def _numbers(column: Column) -> np.ndarray:
    numbers = column.numbers()
    if np.abs(numbers).max() <= _LARGEST_EXACT:
        return numbers
    # Nanoseconds since 1970, as integers, would be rounded to a quarter of a microsecond.
    whole = column.values.cast(pl.Int64, strict=False)
    return numbers if whole.has_nulls() or column.values.dtype.is_float() else whole.to_numpy()
