"""Recognition of the format of dates among texts."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

import attrs
import numpy as np

from gmcore.domain.data.date_formats import FORMATS, LONGEST, shape_fits
from gmcore.domain.data.schema import Feature, Kind
from gmcore.errors import DataError

__all__ = [
    "RecognizedDates",
    "is_new_format",
    "likely_formats",
    "look_like_dates",
    "read_known",
    "read_new",
    "recognize",
    "refuse_unused",
]

_NUMBER = re.compile("[0-9]+")
_YEAR = re.compile("(?:1[89]|20)[0-9]{2}")
_MONTH = re.compile("(?i)(?<![a-z])(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
_DIGITS = str.maketrans("123456789", "000000000")


def refuse_unused(
    date_format: str, features: Sequence[Feature], time: str, time_format: str | None, source: str = ""
) -> None:
    """Raise `DataError` if no column has a format that was given.

    Args:
        date_format: the format.
        features: the features.
        time: name of the time column, which is no feature.
        time_format: its format, or None.
        source: where the columns are from, as the beginning of the message.
    """
    dated = {feature.name: feature.date_format for feature in features if feature.kind is Kind.DATETIME}
    if time_format is not None:
        dated[time] = time_format
    if date_format in dated.values():
        return
    unused = f"{source}date_format = {date_format!r} fits no column"
    for name, other in dated.items():
        if other is not None:
            raise DataError(
                f"{unused}, but column '{name}' has dates of the format {other!r}; correct it or leave it out"
            )
    needless = "".join(f", and the dates in column '{name}' need none" for name in list(dated)[:1])
    raise DataError(f"{unused}{needless}; correct it or leave it out")


def look_like_dates(texts: Collection[str]) -> bool:
    """Return whether at least half of the texts may be dates: they have a year, a day, and a month or its name."""
    return 0 < len(texts) <= 2 * sum(_looks_like_date(text[:LONGEST]) for text in texts)


def likely_formats(texts: Iterable[str]) -> list[str | None]:
    """Return those of `FORMATS` whose pattern at least half of the texts have."""
    shapes = Counter(text[: LONGEST + 1].translate(_DIGITS) for text in texts)
    dated = {shape: count for shape, count in shapes.items() if "0" in shape and len(shape) <= LONGEST}
    half = shapes.total() / 2
    if not dated or sum(dated.values()) < half:
        return []
    return [one for one in FORMATS if sum(count for shape, count in dated.items() if shape_fits(shape, one)) >= half]


def read_known(date_format: str | None, other: str | None, read: Callable[[str | None], np.ndarray]) -> np.ndarray:
    """Return the dates of all texts in a format, or in the other one if the format is ISO 8601 and does not fit all.

    No other format can be mistaken for ISO 8601; between any two others, the texts of few rows can't decide.
    """
    dates = read(date_format)
    if date_format is None and other is not None and np.isnat(dates).any():
        found = read(other)
        return dates if np.isnat(found).any() else found
    return dates


def is_new_format(date_format: str | None, features: Iterable[Feature]) -> bool:
    """Return whether a format was given for new rows only: no feature, and so no training row, has it."""
    return date_format is not None and all(feature.date_format != date_format for feature in features)


def read_new(
    date_format: str | None, other: str | None, read: Callable[[str | None], np.ndarray], *, is_new: bool
) -> tuple[str | None, np.ndarray]:
    """Return the format and the dates of a column of new rows.

    Args:
        date_format: the format of the training rows.
        other: another format, or None.
        read: returns the dates of all texts in a format, datetime64[s], NaT where a text is none.
        is_new: whether the other format was given for new rows, so that it is preferred where it fits at least half.
    """
    if is_new and _is_half(dates := read(other)):
        return other, dates
    return date_format, read_known(date_format, other, read)


@attrs.frozen(kw_only=True, eq=False)
class RecognizedDates:
    """Texts of which at least half are dates.

    Attributes:
        date_format: the format of most texts.
        dates: datetime64[s] of each text, NaT where it is no date of that format.
        doubt: position of the first text that is another date in another format, and that format; None if there is no
            format in which all texts are dates, too, and some are others.
    """

    date_format: str | None
    dates: np.ndarray
    doubt: tuple[int, str | None] | None = None

    @property
    def stray(self) -> np.ndarray:
        """Which texts are no dates."""
        missing: np.ndarray = np.isnat(self.dates)
        return missing

    @property
    def dates_counted(self) -> str:
        """The number of texts that are dates, as a clause of a message about one that is not."""
        count = int((~self.stray).sum())
        return "1 other value is a date" if count == 1 else f"{count} other values are dates"

    @property
    def formats(self) -> tuple[str | None, ...]:
        """The format, and the other one if day and month can't be told apart."""
        return (self.date_format,) if self.doubt is None else (self.date_format, self.doubt[1])


def recognize(
    formats: Sequence[str | None], read: Callable[[str | None], np.ndarray], given: str | None = None
) -> RecognizedDates | None:
    """Return the dates that texts are in the format that fits most of them; None if it fits less than half.

    Args:
        formats: the formats to try.
        read: returns the dates of all texts in a format, datetime64[s], NaT where a text is none.
        given: a format that is preferred to all others where it fits at least half.
    """
    if given is not None and _is_half(dates := read(given)):
        return RecognizedDates(date_format=given, dates=dates)
    found = {one: read(one) for one in formats}
    if not found:
        return None
    best = max(found, key=lambda one: int((~np.isnat(found[one])).sum()))
    dates = found[best]
    if not _is_half(dates):
        return None
    others = ((one, np.flatnonzero(its != dates)) for one, its in found.items() if not np.isnat(its).any())
    doubt = next(((int(differ[0]), one) for one, differ in others if differ.size), None)
    return RecognizedDates(date_format=best, dates=dates, doubt=None if np.isnat(dates).any() else doubt)


def _looks_like_date(text: str) -> bool:
    numbers = _NUMBER.findall(text)
    return any(map(_YEAR.fullmatch, numbers)) and len(numbers) + bool(_MONTH.search(text)) > 2  # noqa: PLR2004 - a date


def _is_half(dates: np.ndarray) -> bool:
    count = int((~np.isnat(dates)).sum())
    return count > 0 and 2 * count >= len(dates)
