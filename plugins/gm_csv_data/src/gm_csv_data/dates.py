"""Dates in columns of text: `gmcore.domain.data.date_formats` for whole columns at once, with polars."""

import numpy as np
import polars as pl

from gmcore.domain.data.date_fields import WORDS, dates_of, number_of
from gmcore.domain.data.date_formats import LONGEST, fields_of, pattern_of
from gmcore.domain.data.date_recognition import RecognizedDates, likely_formats, recognize

__all__ = ["are_dates", "parse_dates", "recognized_dates"]

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
    """Return texts as datetimes in microseconds and UTC, null where missing or no date of the format (None for ISO).

    It is `gmcore.domain.data.date_formats.read_instants` for a column: the same pattern and the same arithmetic.
    """
    short = texts.set(texts.str.len_chars() > LONGEST, None)
    groups = short.str.extract_groups(f"^(?:{pattern_of(date_format)})$").struct.unnest()
    fields = {name: _numbers(name, group) for name, group in zip(fields_of(date_format), groups, strict=True)}
    is_shaped = groups.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    dates = pl.Series(texts.name, dates_of(fields)).cast(pl.Datetime("us"))
    return dates.set(~is_shaped, None)


def _numbers(field: str, texts: pl.Series) -> np.ndarray:
    """Return the numbers of a field as int64, `gmcore.domain.data.date_fields.number_of` each text, 0 where missing."""
    if field in WORDS:
        known = texts.drop_nulls().unique()
        numbers = pl.Series([number_of(field, text) for text in known], dtype=pl.Int64)
        return texts.replace_strict(known, numbers, default=0).to_numpy()
    if field == "e":
        texts = texts.str.strip_chars_start(" ")
    elif field == ".f":
        texts = texts.str.slice(0, 6).str.pad_end(6, "0")
    return texts.cast(pl.Int64).fill_null(0).to_numpy()
