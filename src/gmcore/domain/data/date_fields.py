"""The fields of dates, such as day, month and offset: the numbers of their texts, and dates computed from the numbers.

Arrays and files share the arithmetic, so that the same fields are the same date. A field has the name of its directive.
"""

from collections.abc import Mapping

import numpy as np

from gmcore.domain.data.dates import FIRST_DAY, LAST_DAY, SECONDS_PER_DAY

__all__ = ["MONTHS", "WEEKDAYS", "WORDS", "dates_of", "number_of"]

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORDS = frozenset({"b", "B", "a", "A", "p", "z"})
"""The fields whose texts are no whole numbers."""

_MONTH = {name[:length]: number for number, name in enumerate(MONTHS, 1) for length in (3, len(name))}
_WEEKDAY = {name[:length]: number for number, name in enumerate(WEEKDAYS) for length in (3, len(name))}
_WORDS = {"b": _MONTH, "B": _MONTH, "a": _WEEKDAY, "A": _WEEKDAY, "p": {"am": 0, "pm": 12}}
_THURSDAY = 3  # 1970-01-01
_PIVOT = 70  # two digits from here on are years of the twentieth century
_HOURS, _NOON = 24, 12


def number_of(field: str, text: str | None) -> int:
    """Return the number of a field whose text has the pattern of its directive; 0 if it is absent.

    Months are 1 to 12, weekdays 0 to 6 from Monday on, `p` is the hours to add, `z` the seconds ahead of UTC, and `.f`
    microseconds.
    """
    if not text:
        return 0
    if field in _WORDS:
        return _WORDS[field][text.lower()]
    if field == ".f":
        return int(f"{text:0<6.6}")
    return _offset(text) if field == "z" else int(text)


def dates_of(fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return datetime64[us] in UTC, NaT where the fields are no date within the years 1 to 9999.

    Args:
        fields: int64 numbers as of `number_of`, by field.
    """
    days, is_date = _days(fields)
    hours, is_time = _hours(fields)
    time = hours * 3600 + _field(fields, "M") * 60 + _field(fields, "S") - _field(fields, "z")
    seconds = days.astype(np.int64) * SECONDS_PER_DAY + time
    is_inside = (seconds >= FIRST_DAY * SECONDS_PER_DAY) & (seconds < (LAST_DAY + 1) * SECONDS_PER_DAY)
    moments = (seconds * 1_000_000 + _field(fields, ".f")).astype("datetime64[us]")
    return np.where(is_date & is_time & is_inside, moments, np.datetime64("NaT", "us"))


def _field(fields: Mapping[str, np.ndarray], *names: str, default: int = 0) -> np.ndarray:
    """Return the numbers of the first of the fields that there is."""
    return next((fields[name] for name in names if name in fields), np.asarray(default))


def _days(fields: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return days as datetime64[D], and whether each is a day of the calendar and of the weekday that is named."""
    year = fields["Y"] if "Y" in fields else fields["y"] + np.where(fields["y"] >= _PIVOT, 1900, 2000)
    month = _field(fields, "m", "b", "B", default=1)
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (_field(fields, "d", "e", "j", default=1) - 1)
    # The day 0 and days after the last one are in another month, or year if they are counted from its first day.
    period = "datetime64[Y]" if "j" in fields else "datetime64[M]"
    is_day = (year > 0) & (month > 0) & (month <= len(MONTHS)) & (days.astype(period) == months.astype(period))
    weekday = (days.astype(np.int64) + _THURSDAY) % len(WEEKDAYS)
    return days, is_day & (_field(fields, "a", "A", default=weekday) == weekday)


def _hours(fields: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return hours since midnight, and whether each is an hour of the day."""
    if "I" in fields:
        half = fields["I"]
        return half % _NOON + fields["p"], (half > 0) & (half <= _NOON)
    hours = _field(fields, "H")
    return hours, hours < _HOURS


def _offset(text: str) -> int:
    """Return the seconds by which local time is ahead of UTC."""
    if text == "Z":
        return 0
    digits = f"{text[1:].replace(':', ''):0<4}"
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if text.startswith("-") else seconds
