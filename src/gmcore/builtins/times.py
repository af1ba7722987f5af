"""The times that order rows in memory: numbers, dates of any type, or texts of dates."""

import datetime as dt

import numpy as np

from gmcore.builtins.dates import doubt_words
from gmcore.builtins.values import sorts_of
from gmcore.domain.data.date_formats import format_words, read_dates, read_instants, read_iso
from gmcore.domain.data.date_recognition import RecognizedDates, likely_formats, recognize
from gmcore.errors import DataError

__all__ = ["encode_times"]


def encode_times(column: np.ndarray, date_format: str | None = None) -> tuple[np.ndarray, str | None]:
    """Return times as numbers or as datetime64 in UTC, and the format of texts, which is None for ISO 8601.

    Args:
        column: one value per row, none missing.
        date_format: the format of texts; None to recognize it.

    Raises:
        DataError: if a text is no date, day and month can't be told apart, or dates, numbers and texts are mixed.
    """
    sort = _sort(column)
    if sort == "text":
        return _of_texts(column.tolist(), date_format)
    if sort == "date":
        return np.array([_instant(value) for value in column.tolist()]), None
    if date_format is not None and column.dtype.kind in "Oiu":
        # A format such as %Y%m%d says how to read whole numbers.
        texts = [str(value) for value in column.tolist()]
        if _recognized(texts, date_format) is not None:
            return _of_texts(texts, date_format)
    if column.dtype.kind != "O":
        return column, None
    numbers = np.array(column.tolist())  # integers stay exact
    return numbers.astype(np.float64) if numbers.dtype.kind == "O" else numbers, None


def _sort(column: np.ndarray) -> str:
    if column.dtype.kind in "UT":
        return "text"
    if column.dtype.kind in "SV":
        raise DataError(f"time has values of type {column.dtype}: pass numbers, dates or strings")
    if column.dtype.kind != "O":
        return "number"
    sorts = sorts_of(column, "time")
    if sorts <= {"boolean", "integer", "number"}:
        return "number"
    if len(sorts) > 1:
        raise DataError(f"time has values of several types: {', '.join(sorted(sorts))}: pass values of one type")
    return next(iter(sorts))


def _of_texts(texts: list[str], date_format: str | None) -> tuple[np.ndarray, str | None]:
    found, bad = None if date_format is None else _recognized(texts, date_format), None
    if found is None:
        instants, bad = read_iso(texts)
        if bad is None:
            return instants, None
        found = _recognized(texts)
    distinct = list(dict.fromkeys(texts))
    if found is None or found.stray.any():
        row = bad if found is None else texts.index(distinct[int(found.stray.argmax())])
        raise DataError(f"time has {texts[row or 0]!r:.80} in row {row}, which is not {_wanted(found, date_format)}")
    if found.doubt is not None:
        text = distinct[found.doubt[0]]
        raise DataError(f"time has {text!r} in row {texts.index(text)}, which {doubt_words(found)}")
    return read_instants(texts, found.date_format), found.date_format


def _wanted(found: RecognizedDates | None, date_format: str | None) -> str:
    """Return what a message says of a text that is no date."""
    if found is not None:
        return f"{format_words(found.date_format)}, but {found.dates_counted}: correct it"
    if date_format is not None:
        return f"{format_words(date_format)}: correct it, or the date_format"
    return "a time: pass numbers, datetimes, ISO dates such as 2024-12-31, or ArrayData(X, y, time=…, date_format=…)"


def _recognized(texts: list[str], date_format: str | None = None) -> RecognizedDates | None:
    """Return the dates in the given format, or in one that is known if none is given."""
    distinct = list(dict.fromkeys(texts))
    formats = likely_formats(distinct) if date_format is None else []
    return recognize(formats, lambda one: read_dates(distinct, one), date_format)


def _instant(value: dt.date | np.datetime64) -> np.datetime64:
    """Return a date or time as datetime64 in UTC."""
    if isinstance(value, np.datetime64):
        return value
    if not isinstance(value, dt.datetime):
        return np.datetime64(value, "us")
    ahead = value.utcoffset() or dt.timedelta()
    return np.datetime64(value.replace(tzinfo=None), "us") - np.timedelta64(ahead, "us")
