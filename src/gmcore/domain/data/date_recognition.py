"""Recognition of the format of dates among texts."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import attrs
import numpy as np

from gmcore.domain.data.date_formats import FORMATS, LONGEST, shape_fits

__all__ = ["RecognizedDates", "doubt_words", "likely_formats", "read_known", "recognize"]

_DIGITS = str.maketrans("123456789", "000000000")


def doubt_words(found: "RecognizedDates") -> str:
    """Return what a message says of a text whose day and month can't be told apart."""
    other = found.date_format if found.doubt is None else found.doubt[1]
    return f"fits two formats of dates; set date_format = {found.date_format!r} or date_format = {other!r}"


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


def _is_half(dates: np.ndarray) -> bool:
    count = int((~np.isnat(dates)).sum())
    return count > 0 and 2 * count >= len(dates)
