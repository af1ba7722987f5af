"""Texts of dates: ISO 8601, the usual national formats, and others by their directives.

A format is a text with the directives of strftime, or None for ISO 8601. Arrays and files share these definitions, so
that a text is the same date wherever it comes from.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache

import attrs
import numpy as np

from gmcore.domain.data.dates import FIRST_DAY, LAST_DAY, SECONDS_PER_DAY

__all__ = [
    "FORMATS",
    "LONGEST",
    "check_date_format",
    "format_words",
    "is_date_format",
    "pattern_of",
    "read_dates",
    "shape_fits",
]

_DATES = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d",
    "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p")
FORMATS: tuple[str | None, ...] = (None, *(day + time for day in _DATES for time in _TIMES))
"""The formats that are recognized."""
LONGEST = 100
"""Characters of a format, and of a text that may be a date."""

_OFFSET = "[+-][0-2][0-9]:?[0-5][0-9]"
_ISO = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2})(?::?([0-5][0-9])(?::?([0-5][0-9])(?:[.,][0-9]+)?)?)?\s?(Z|[+-][0-2][0-9]:?(?:[0-5][0-9])?)?)?"
)
_ISO_FIELDS = ("Y", "m", "d", "H", "M", "S", "z")
_DIRECTIVES = {
    "d": "[0-9]{1,2}", "e": " ?[0-9]{1,2}", "m": "[0-9]{1,2}", "Y": "[0-9]{4}", "y": "[0-9]{2}", "j": "[0-9]{3}",
    "b": "[A-Za-z]{3}", "B": "[A-Za-z]{3,}", "a": "[A-Za-z]{3}", "A": "[A-Za-z]{3,}", "H": "[0-9]{1,2}",
    "I": "[0-9]{1,2}", "M": "[0-5][0-9]", "S": "[0-5][0-9]", ".f": r"\.[0-9]+", "p": "[AaPp][Mm]", "z": _OFFSET,
}  # fmt: skip
_SHORT = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M"}
_PARTS = re.compile(r"%(\.?[A-Za-z%])")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PIVOT = 70  # two digits from here on are years of the twentieth century
_EPOCH = date(1970, 1, 1).toordinal()
_HOURS, _NOON = 24, 12


def check_date_format(date_format: str) -> None:
    """Check that a format has a year and only known directives that go together.

    Raises:
        ValueError: with what is wrong.
    """
    if len(date_format) > LONGEST or "%" not in date_format:
        raise ValueError(f"must have directives such as '%d.%m.%Y', got {date_format!r:.60}")
    used = _directives(date_format)
    unknown = [one for one in used if one not in _DIRECTIVES]
    if unknown or "%" in re.sub(_PARTS, "", date_format):
        known = ", ".join(f"%{one}" for one in [*_DIRECTIVES, *(short[1:] for short in _SHORT)])
        raise ValueError(f"must have directives among {known}, got {date_format!r}")
    if twice := next((one for one in used if used.count(one) > 1), None):
        raise ValueError(f"must have each directive once, got %{twice} twice in {date_format!r}")
    if problem := next((text for text, wrong in _conflicts(frozenset(used)) if wrong), None):
        raise ValueError(f"{problem}, got {date_format!r}")


def is_date_format(_: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    """Check that an option is a format of dates, or None."""
    if value is not None:
        if not isinstance(value, str):
            raise TypeError(f"{attribute.name} must be text such as '%d.%m.%Y', got {value!r:.60}")
        try:
            check_date_format(value)
        except ValueError as error:
            raise ValueError(f"{attribute.name} {error}") from error


def pattern_of(date_format: str | None) -> str:
    """Return the regular expression of the whole text of a date, with a group for each directive.

    It is written so that Python's `re` and Rust's `regex` give it the same meaning.
    """
    if date_format is None:
        return _ISO
    parts = _PARTS.split(_expanded(date_format))
    texts = [re.escape(part) for part in parts[::2]]
    fields = ["%" if one == "%" else f"({_DIRECTIVES[one]})" for one in parts[1::2]]
    return "".join(text + field for text, field in zip(texts, [*fields, ""], strict=True))


def format_words(date_format: str | None) -> str:
    """Return how a format is called in a message."""
    return "an ISO date such as 2024-12-31" if date_format is None else f"a date of the format {date_format!r}"


def shape_fits(text: str, date_format: str | None) -> bool:
    """Return whether a text, in which digits may be replaced by 0, has the pattern of a format."""
    return _compiled(date_format).fullmatch(text) is not None


def read_dates(texts: Sequence[str], date_format: str | None) -> np.ndarray:
    """Return texts as datetime64[s] in UTC, NaT where a text is no date of the format within the years 1 to 9999."""
    pattern, fields = _compiled(date_format), _fields(date_format)
    seconds = [_seconds(pattern.fullmatch(text), fields) for text in texts]
    dates = np.array([0 if one is None else one for one in seconds], "int64").astype("datetime64[s]")
    return np.where([one is None for one in seconds], np.datetime64("NaT", "s"), dates)


def _expanded(date_format: str) -> str:
    # Python's own directive for a fraction is %f; %.f includes the point.
    texts = {**_SHORT, ".%f": "%.f"}
    return re.sub(r"%%|%[FTR]|\.%f", lambda found: texts.get(found.group(), found.group()), date_format)


def _directives(date_format: str) -> list[str]:
    return [one for one in _PARTS.findall(_expanded(date_format)) if one != "%"]


def _conflicts(used: frozenset[str]) -> Iterator[tuple[str, bool]]:
    """Yield what a format must have, and whether it has not."""
    yield "must have a year, %Y or %y", not used & {"Y", "y"}
    for names in ({"Y", "y"}, {"d", "e", "j"}, {"m", "b", "B", "j"}, {"H", "I"}, {"a", "A"}):
        yield f"must have only one of {', '.join(f'%{one}' for one in sorted(names))}", len(used & names) > 1
    yield "must have a month beside the day", bool(used & {"d", "e"}) and not used & {"m", "b", "B"}
    yield "must have %I and %p together", ("I" in used) != ("p" in used)
    yield "must have hours and minutes together", bool(used & {"H", "I"}) != ("M" in used)
    yield "must have minutes beside seconds and offsets", bool(used & {"S", "z"}) and "M" not in used
    yield "must have %S beside %.f", ".f" in used and "S" not in used


@cache
def _compiled(date_format: str | None) -> re.Pattern[str]:
    return re.compile(pattern_of(date_format))


@cache
def _fields(date_format: str | None) -> tuple[str, ...]:
    return _ISO_FIELDS if date_format is None else tuple(_directives(date_format))


def _seconds(found: re.Match[str] | None, fields: Sequence[str]) -> int | None:
    """Return the seconds since 1970 of a matched text, or None if there is no such date."""
    if found is None:
        return None
    of = dict(zip(fields, found.groups(), strict=True))
    try:
        day, time = _day(of), _time_of_day(of) - _offset(of.get("z"))
    except ValueError:
        return None
    total = day * SECONDS_PER_DAY + time
    return total if FIRST_DAY <= total // SECONDS_PER_DAY <= LAST_DAY else None


def _day(of: Mapping[str, str | None]) -> int:
    """Return the days since 1970.

    Raises:
        ValueError: if there is no such day.
    """
    year = int(of["Y"] or 0) if "Y" in of else _century(int(of["y"] or 0))
    first = date(year, _month(of), int(of.get("d") or of.get("e") or 1))
    day = first.toordinal() + int(of.get("j") or 1) - 1
    name = of.get("a") or of.get("A")
    if date.fromordinal(day).year != year or (name and not _is_name(name, _WEEKDAYS[(day - 1) % 7])):
        raise ValueError(name)
    return day - _EPOCH


def _century(year: int) -> int:
    return year + (1900 if year >= _PIVOT else 2000)


def _month(of: Mapping[str, str | None]) -> int:
    name = of.get("b") or of.get("B")
    if name is None:
        return int(of.get("m") or 1)
    return 1 + [_is_name(name, month) for month in _MONTHS].index(True)


def _is_name(text: str, name: str) -> bool:
    """Return whether a text is a name, or its first three letters."""
    return text.lower() in (name, name[:3])


def _time_of_day(of: Mapping[str, str | None]) -> int:
    """Return the seconds since midnight.

    Raises:
        ValueError: if there is no such time.
    """
    hour, minute, second = (int(of.get(name) or 0) for name in "HMS")
    if of.get("p"):
        half = int(of["I"] or 0)
        if not 1 <= half <= _NOON:
            raise ValueError(half)
        hour = half % _NOON + (_NOON if (of["p"] or "").lower() == "pm" else 0)
    if hour >= _HOURS:
        raise ValueError(hour)
    return hour * 3600 + minute * 60 + second


def _offset(text: str | None) -> int:
    """Return the seconds by which local time is ahead of UTC."""
    if not text or text == "Z":
        return 0
    digits = text[1:].replace(":", "") + "00"
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60
    return -seconds if text.startswith("-") else seconds
