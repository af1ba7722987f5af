"""Texts of dates: ISO 8601, the usual national formats, and others by their directives.

A format is a text with the directives of strftime, or None for ISO 8601. Arrays and files share these definitions, so
that a text is the same date wherever it comes from.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache

import attrs
import numpy as np

from gmcore.domain.data.date_fields import MONTHS, WEEKDAYS, dates_of, number_of

__all__ = [
    "FORMATS",
    "LONGEST",
    "check_date_format",
    "fields_of",
    "format_words",
    "is_date_format",
    "pattern_of",
    "read_dates",
    "read_instants",
    "read_iso",
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

_OFFSET = "[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]"
_ISO = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2})(?::?([0-5][0-9])(?::?([0-5][0-9])(?:[.,]([0-9]+))?)?)?"
    r" ?(Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?"
)
_ISO_FIELDS = ("Y", "m", "d", "H", "M", "S", ".f", "z")


def _any_case(text: str) -> str:
    # Not `(?i)`, which takes some letters that are not ASCII.
    return "".join(f"[{letter.upper()}{letter}]" for letter in text)


def _names(names: Iterable[str], *, only_short: bool = False) -> str:
    """Return the pattern of names, in full or as their first three letters, in any case."""
    rests = ["" if only_short else f"(?:{_any_case(name[3:])})?" for name in names]
    return "|".join(_any_case(name[:3]) + rest for name, rest in zip(names, rests, strict=True))


_DIRECTIVES = {
    "d": "[0-9]{1,2}", "e": " ?[0-9]{1,2}", "m": "[0-9]{1,2}", "Y": "[0-9]{4}", "y": "[0-9]{2}", "j": "[0-9]{3}",
    "b": _names(MONTHS, only_short=True), "B": _names(MONTHS),
    "a": _names(WEEKDAYS, only_short=True), "A": _names(WEEKDAYS),
    "H": "[0-9]{1,2}", "I": "[0-9]{1,2}", "M": "[0-5][0-9]", "S": "[0-5][0-9]", ".f": "[0-9]+", "p": "[AaPp][Mm]",
    "z": _OFFSET,
}  # fmt: skip
_FULL_WIDTH = {"d": "[0-9]{2}", "e": "[ 0-9][0-9]", "m": "[0-9]{2}", "H": "[0-9]{2}", "I": "[0-9]{2}"}
_WIDTHS = {"d": 2, "e": 2, "m": 2, "Y": 4, "y": 2, "j": 3, "H": 2, "I": 2, "M": 2, "S": 2}
_SHORT = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M"}
_DIGITS = frozenset("0123456789")
_PARTS = re.compile(r"%(\.?[A-Za-z%])")
_PIECES = re.compile(r"%\.?[A-Za-z%]|[^%]+")


def check_date_format(date_format: str) -> None:
    """Check that a format has a year and only known directives that go together.

    Raises:
        ValueError: with what is wrong.
    """
    if len(date_format) > LONGEST or "%" not in date_format:
        raise ValueError(f"must have directives such as '%d.%m.%Y', got {date_format!r:.60}")
    used = _directives(date_format)
    unknown = [one for one in used if one not in _DIRECTIVES]
    stray = re.search("%-?.?", re.sub(_PARTS, "", date_format))
    if unknown or stray:
        known = ", ".join(f"%{one}" for one in [*_DIRECTIVES, *(short[1:] for short in _SHORT)])
        wrong = stray.group() if stray else f"%{unknown[0]}"
        raise ValueError(f"must have directives among {known}, got {wrong!r} in {date_format!r}")
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
    """Return the regular expression of the whole text of a date, with a group for each of `fields_of`.

    Days, months and hours, which may have one digit, must have two where the format has another digit next to them: in
    `%d%m%Y`, 1122024 can be two dates. No zero is added, neither to texts nor to whole numbers, for the same reason.

    Python's `re` and Rust's `regex` give the expression the same meaning.
    """
    if date_format is None:
        return _ISO
    pieces = ["", *_PIECES.findall(_expanded(date_format)), ""]
    return "".join(
        _pattern(piece, touches=_ends_with_digit(before) or _begins_with_digit(after))
        for before, piece, after in zip(pieces, pieces[1:], pieces[2:], strict=False)
    )


def fields_of(date_format: str | None) -> tuple[str, ...]:
    """Return the directives of a format in the order of the groups of its pattern."""
    return _ISO_FIELDS if date_format is None else tuple(_directives(date_format))


def format_words(date_format: str | None) -> str:
    """Return how a format is called in a message."""
    if date_format is None:
        return "an ISO date such as 2024-12-31"
    digits = _digits(date_format)
    return f"a date of the format {date_format!r}" + (f" with all {digits} digits" if digits else "")


def shape_fits(text: str, date_format: str | None) -> bool:
    """Return whether a text, in which digits may be replaced by 0, has the pattern of a format."""
    return _compiled(date_format).fullmatch(text) is not None


def read_dates(texts: Sequence[str], date_format: str | None) -> np.ndarray:
    """Return texts as datetime64[s] in UTC, NaT where a text is no date of the format within the years 1 to 9999."""
    return read_instants(texts, date_format).astype("datetime64[s]")


def read_instants(texts: Sequence[str], date_format: str | None) -> np.ndarray:
    """Return texts as `read_dates` does, but with the fractions of a second, as datetime64[us]."""
    pattern = _compiled(date_format)
    found = [pattern.fullmatch(text) if len(text) <= LONGEST else None for text in texts]
    dates = np.full(len(texts), np.datetime64("NaT", "us"))
    columns = zip(*(one.groups() for one in found if one), strict=True)
    fields = {
        name: np.array([number_of(name, text) for text in column], np.int64)
        for name, column in zip(fields_of(date_format), columns, strict=False)  # no columns if no text has the pattern
    }
    if fields:
        dates[[one is not None for one in found]] = dates_of(fields)
    return dates


def read_iso(texts: Iterable[str]) -> tuple[np.ndarray, int | None]:
    """Return ISO 8601 texts as datetime64[us] in UTC, and the position of the first text that is none, or None."""
    instants: list[datetime] = []
    for text in texts:
        try:
            instant = datetime.fromisoformat(text)
            instants.append(instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant)
        except (ValueError, OverflowError):
            return np.empty(0, "datetime64[us]"), len(instants)
    return np.array(instants, "datetime64[us]"), None


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
    yield "must have a month if it has a day", bool(used & {"d", "e"}) and not used & {"m", "b", "B"}
    yield "must have %I and %p together", ("I" in used) != ("p" in used)
    yield "must have hours and minutes together", bool(used & {"H", "I"}) != ("M" in used)
    yield "must have minutes if it has seconds or an offset", bool(used & {"S", "z"}) and "M" not in used
    yield "must have %S if it has %.f", ".f" in used and "S" not in used


@cache
def _compiled(date_format: str | None) -> re.Pattern[str]:
    return re.compile(pattern_of(date_format))


def _pattern(piece: str, *, touches: bool) -> str:
    """Return the pattern of a directive or of the text between two, which may touch another digit."""
    if piece == "%%" or not piece.startswith("%"):
        return re.escape(piece[-1] if piece == "%%" else piece)
    directive = piece[1:]
    pattern = _FULL_WIDTH.get(directive, _DIRECTIVES[directive]) if touches else _DIRECTIVES[directive]
    return rf"\.({pattern})" if directive == ".f" else f"({pattern})"


def _begins_with_digit(piece: str) -> bool:
    return piece[:1] in _DIGITS or (piece[:1] == "%" and piece[1:] in _WIDTHS)


def _ends_with_digit(piece: str) -> bool:
    return piece[-1:] in _DIGITS or (piece[:1] == "%" and piece[1:] in {*_WIDTHS, ".f", "z"})


def _digits(date_format: str) -> int:
    """Return the number of digits of the texts of a format if they are two or more numbers and nothing else, else 0."""
    pieces = _PIECES.findall(_expanded(date_format))
    widths = [_WIDTHS.get(piece[1:], 0) if piece[0] == "%" else 0 for piece in pieces]
    return sum(widths) if len(pieces) > 1 and all(widths) else 0
