"""Recognition of dates: ISO 8601, and the usual national forms."""

import re
from datetime import UTC, datetime

import numpy as np
import polars as pl

__all__ = ["are_dates", "date_formats", "parse_dates", "parse_iso"]

_ISO_TIME = r"[T ][0-9]{2}(?::?[0-9]{2}){0,2}(?:[.,][0-9]+)?\s?(?:Z|[+-][0-9]{2}:?(?:[0-9]{2})?)?"
_ISO = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:{_ISO_TIME})?$"
_DATES = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d",
    "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p")
_DIRECTIVES = {
    "%d": "[0-9]{1,2}", "%m": "[0-9]{1,2}", "%Y": "[0-9]{4}", "%y": "[0-9]{2}", "%b": "[A-Za-z]{3}",
    "%B": "[A-Za-z]{3,}", "%H": "[0-9]{1,2}", "%M": "[0-9]{2}", "%S": "[0-9]{2}", "%.f": r"\.[0-9]+",
    "%I": "[0-9]{1,2}", "%p": "[AaPp][Mm]",
}  # fmt: skip


def are_dates(texts: pl.Series, date_format: str | None = None) -> bool:
    """Return whether all texts, which must not be null, are dates in one format, with or without time."""
    if not len(texts):
        return False
    if date_format is not None:
        return not parse_dates(texts, date_format).has_nulls()
    return bool(texts.str.contains(_ISO).all()) or bool(date_formats(texts))


def date_formats(texts: pl.Series) -> list[str]:
    """Return the formats of dates, with or without time, that fit all texts; several if days may be months."""
    first = texts[0]
    candidates = [date + time for date in _DATES for time in _TIMES if re.search(_pattern(date + time), first)]
    shaped = [one for one in candidates if texts.str.contains(_pattern(one)).all()]
    return [one for one in shaped if not parse_dates(texts, one).has_nulls()]


def parse_dates(texts: pl.Series, date_format: str) -> pl.Series:
    """Return texts as datetimes in microseconds, null where missing or not in that format (chrono's directives)."""
    return texts.str.to_datetime(date_format, time_unit="us", strict=False, ambiguous="earliest")


def parse_iso(texts: pl.Series) -> tuple[np.ndarray, int | None]:
    """Return ISO 8601 dates as datetime64 in UTC, and the position of the first text that is none, or None."""
    instants = np.empty(len(texts), "datetime64[us]")
    for row, text in enumerate(texts):
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            return instants, row
        instants[row] = instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    return instants, None


def _pattern(date_format: str) -> str:
    parts = re.split(r"(%\.?[A-Za-z])", date_format)
    return "^" + "".join(_DIRECTIVES.get(part, re.escape(part)) for part in parts) + "$"
