"""Columns of dates in memory: recognition of texts, and dates of any type as datetime64 in UTC."""

import datetime as dt

import numpy as np

from gmcore.builtins.values import is_missing, missing_rows
from gmcore.domain import Feature, Kind
from gmcore.domain.data.date_formats import format_words, read_dates
from gmcore.domain.data.date_recognition import RecognizedDates, likely_formats, read_new, recognize
from gmcore.domain.data.dates import SECONDS_PER_DAY, encode_dates, outside_calendar, whole_seconds
from gmcore.errors import DataError

__all__ = [
    "are_dates",
    "date_feature",
    "datetime_column",
    "doubt_words",
    "has_only_missing_dates",
    "holds_dates",
    "with_date_texts",
]

_EPOCH = dt.date(1970, 1, 1).toordinal()


def holds_dates(column: np.ndarray) -> bool:
    """Return whether a column has values whose type is that of dates."""
    return column.dtype.kind == "M" or (column.dtype.kind == "O" and any(map(_is_date, column.tolist())))


def has_only_missing_dates(column: np.ndarray) -> bool:
    """Return whether a column has rows, all of which are missing, and the type of dates, such as NaT."""
    if missing_rows(column).size < max(1, len(column)):
        return False
    typed = (isinstance(value, dt.date | np.datetime64) for value in column.tolist())
    return column.dtype.kind == "M" or (column.dtype.kind == "O" and any(typed))


def are_dates(texts: list[str], date_format: str | None = None) -> bool:
    """Return whether at least half of the different texts are dates, in the given format or in one that is known.

    Empty texts are missing dates.
    """
    texts = [text for text in texts if text]
    return recognize(likely_formats(texts), lambda one: read_dates(texts, one), date_format) is not None


def date_feature(name: str, column: np.ndarray, date_format: str | None = None) -> Feature:
    """Return the datetime feature of a column, with the format of its texts if it has any.

    Args:
        name: the column's name.
        column: dates of any type, texts or None.
        date_format: the format of texts, or None to recognize it.

    Raises:
        DataError: if less than half of the texts are dates, one is none, or day and month can't be told apart.
    """
    texts = _texts(column, is_written=date_format is not None)
    if not texts:
        return Feature(name=name, kind=Kind.DATETIME)
    distinct = list(texts)
    found = recognize(likely_formats(distinct), lambda one: read_dates(distinct, one), date_format)
    if found is None:
        text = distinct[int(np.isnat(read_dates(distinct, date_format)).argmax())]
        raise DataError(
            f"column '{name}' has {text!r:.80} in row {texts[text]}, which is not "
            f"{format_words(date_format)}: correct it, or pass ArrayData(X, y, date_format=…)"
        )
    if found.stray.any():
        text = distinct[int(found.stray.argmax())]
        raise DataError(
            f"column '{name}' has {text!r:.80} in row {texts[text]}, which is not {format_words(found.date_format)}, "
            f"but {found.dates_counted}: correct it, make it missing, or set "
            f"types={{{name!r}: 'categorical'}}"
        )
    if found.doubt is not None:
        text = distinct[found.doubt[0]]
        raise DataError(f"column '{name}' has {text!r} in row {texts[text]}, which {doubt_words(found)}")
    return Feature(name=name, kind=Kind.DATETIME, date_format=found.date_format)


def doubt_words(found: RecognizedDates) -> str:
    """Return what a message says of a text whose day and month can't be told apart."""
    options = " or ".join(f"date_format={one!r}" for one in found.formats)
    return f"fits two formats of dates: pass ArrayData(X, y, …) with {options}, which holds for all columns"


def datetime_column(
    column: np.ndarray, feature: Feature, date_format: str | None = None, *, is_new: bool = False
) -> np.ndarray:
    """Return a column encoded as in `Rows.inputs["datetime"]`, `(rows, 2)`, int32.

    Args:
        column: dates of any type, or texts; without a time zone, they are in UTC.
        feature: the feature, whose format texts have.
        date_format: another format that texts may have if that of the feature is ISO 8601.
        is_new: whether that format was given for these rows only, so that it is preferred to that of the feature.

    Raises:
        DataError: if a value is no date, or outside the years 1 to 9999.
    """
    dates = column if column.dtype.kind == "M" else _dates(column, feature, date_format, is_new=is_new)
    bad = np.flatnonzero(outside_calendar(dates))
    if bad.size:
        raise DataError(
            f"column '{feature.name}' has {bad.size} dates outside the years 1 to 9999, the first in row {bad[0]}"
        )
    return encode_dates(dates)


def with_date_texts(column: np.ndarray) -> np.ndarray:
    """Return a column with texts in place of dates, as they are as categories: ISO 8601 in UTC, no time at midnight."""
    if not holds_dates(column):
        return column
    if column.dtype.kind == "M":
        values, instants = list(column), whole_seconds(column)
    else:
        values = column.tolist()
        missing = np.datetime64("NaT", "s")
        instants = np.array([_instant(value) if _is_date(value) else missing for value in values])
    found = zip(values, instants.astype(str).tolist(), outside_calendar(instants).tolist(), strict=True)
    texts = [
        _short(str(value) if is_outside else text) if _is_date(value) else _or_none(value)
        for value, text, is_outside in found
    ]
    return np.array(texts, object)


def _or_none(value: object) -> object:
    return None if is_missing(value) else value


def _is_date(value: object) -> bool:
    return isinstance(value, dt.date | np.datetime64) and not is_missing(value)


def _short(text: str) -> str:
    day, _, time = text.partition("T")
    return text if time.strip("0:.") else day


def _texts(column: np.ndarray, *, is_written: bool) -> dict[str, int]:
    """Return the different texts that are not missing, each with its first row.

    Args:
        column: the values.
        is_written: whether whole numbers are texts, too, since a format such as `%Y%m%d` says how to read them.
    """
    if column.dtype.kind not in ("Oiu" if is_written else "O"):
        return {}
    found: dict[str, int] = {}
    for row, value in enumerate(column.tolist()):
        if (isinstance(value, str) and value) or (
            is_written and isinstance(value, int) and not isinstance(value, bool)
        ):
            found.setdefault(str(value), row)
    return found


def _dates(column: np.ndarray, feature: Feature, date_format: str | None, *, is_new: bool) -> np.ndarray:
    """Return a column of objects or numbers as datetime64[s]; dates outside the calendar are in the year 0 or 10000."""
    distinct = list(_texts(column, is_written=(feature.date_format or date_format) is not None))
    read_in, known = read_new(feature.date_format, date_format, lambda one: read_dates(distinct, one), is_new=is_new)
    of_text = dict(zip(distinct, known, strict=True))
    values = column.tolist()
    dates = np.full(len(column), np.datetime64("NaT", "s"))
    for row in np.setdiff1d(np.arange(len(column)), missing_rows(column), assume_unique=True):
        value = values[row]
        if isinstance(value, str) and not value:
            continue
        found = _instant(value) if _is_date(value) else of_text.get(str(value), np.datetime64("NaT", "s"))
        if np.isnat(found):
            raise DataError(
                f"column '{feature.name}' has {value!r:.80} in row {row}, which is not "
                f"{format_words(read_in)}: correct it, or pass datetimes or ArrayData(X, date_format=…)"
            )
        dates[row] = found
    return dates


def _instant(value: dt.date | np.datetime64) -> np.datetime64:
    """Return a date or time as datetime64[s] in UTC; one outside the calendar is in another year outside."""
    if isinstance(value, np.datetime64):
        whole: np.datetime64 = whole_seconds(np.array([value]))[0]
        return whole
    if not dt.MINYEAR <= value.year <= dt.MAXYEAR:  # a pandas Timestamp
        return np.datetime64("10000" if value.year > dt.MAXYEAR else "0000", "s")
    seconds = (value.toordinal() - _EPOCH) * SECONDS_PER_DAY
    if isinstance(value, dt.datetime):
        # Not `astimezone`, which fails on the first and the last day of the calendar.
        ahead = value.utcoffset() or dt.timedelta()
        seconds += value.hour * 3600 + value.minute * 60 + value.second - ahead // dt.timedelta(seconds=1)
    return np.datetime64(seconds, "s")
