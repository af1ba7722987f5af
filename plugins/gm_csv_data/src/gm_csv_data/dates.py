"""Dates in columns of text: `gmcore.domain.data.date_formats` for whole columns at once, with polars."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from gmcore.domain.data.date_formats import pattern_of
from gmcore.domain.data.date_recognition import RecognizedDates, likely_formats, recognize
from gmcore.domain.data.dates import FIRST_DAY, LAST_DAY, SECONDS_PER_DAY

__all__ = ["are_dates", "parse_dates", "parse_iso", "recognized_dates"]

_SAMPLE = 1000


def are_dates(texts: pl.Series, date_format: str | None = None) -> bool:
    """Return whether at least half of the different texts, which must not be null, are dates in one format."""
    return recognized_dates(texts, date_format) is not None


def recognized_dates(texts: pl.Series, date_format: str | None = None) -> RecognizedDates | None:
    """Return the dates that most of the different texts, which must not be null, are; None if fewer than half are.

    Args:
        texts: the different texts of a column.
        date_format: a format that is preferred; None to recognize it.
    """
    return recognize(
        likely_formats(texts.head(_SAMPLE).to_list()),
        lambda one: parse_dates(texts, one).to_numpy().astype("datetime64[s]"),
        date_format,
    )


def parse_dates(texts: pl.Series, date_format: str | None) -> pl.Series:
    """Return texts as datetimes in microseconds and UTC, null where missing or no date of the format (None for ISO)."""
    shaped = texts.str.contains(f"^(?:{pattern_of(date_format)})$")
    found = texts.set(~shaped.fill_null(value=False), None)
    dates = _iso_dates(found) if date_format is None else _dates(found, date_format)
    days = dates.dt.epoch("d")
    return dates.set(~days.is_between(FIRST_DAY, LAST_DAY).fill_null(value=True), None)


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


def _dates(texts: pl.Series, date_format: str) -> pl.Series:
    # Python's directive for a fraction is %f; polars' %.f includes the point.
    polars_format = date_format.replace(".%f", "%.f")
    dates = texts.str.to_datetime(polars_format, time_unit="us", strict=False, ambiguous="earliest")
    return dates.dt.replace_time_zone(None)


def _iso_dates(texts: pl.Series) -> pl.Series:
    """Return ISO 8601 texts as datetimes; polars' own directives have no optional parts."""
    days = texts.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    if not (texts.str.len_chars() > 10).any():  # noqa: PLR2004 - dates without time
        return days
    parts = texts.str.extract_groups(pattern_of(None)).struct.unnest()
    hours, minutes, seconds = (parts[str(group)].cast(pl.Int64).fill_null(0) for group in (4, 5, 6))
    offset = parts["7"].str.replace("Z", "", literal=True).str.replace(":", "", literal=True).fill_null("")
    ahead = offset.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0) * 3600
    ahead += offset.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0) * 60
    east = offset.str.starts_with("-").replace_strict({True: -1, False: 1}, return_dtype=pl.Int64)
    since = hours * 3600 + minutes * 60 + seconds
    moments = days + pl.Series((since - ahead * east) * 1_000_000).cast(pl.Duration("us"))
    return moments.set(since >= SECONDS_PER_DAY, None)
