"""Inference of feature kinds from columns, and encoding of columns as features."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from gm_csv_data.column import Column, shortened
from gm_csv_data.dates import parse_dates
from gm_csv_data.problems import Problems
from gm_csv_data.table import Table
from gmcore.domain import Feature, Kind
from gmcore.domain.data.date_formats import format_words
from gmcore.domain.data.date_recognition import RecognizedDates, is_new_format, look_like_dates

__all__ = ["date_hint", "encode_features", "infer_feature", "is_identifier", "refuse_stray_text"]

_MOST_CATEGORIES = 256
_FEWEST_IDENTIFIERS = 20
_SHARE_OF_IDENTIFIERS = 0.9
_SAMPLE = 1000


def infer_feature(column: Column, kind: str | None, date_format: str | None = None) -> Feature:
    """Return the feature of a column: of the given kind, or inferred from the values.

    Raises:
        DataError: if the kind can't be inferred.
    """
    if kind == Kind.DATETIME:
        return _given_dates(column, date_format)
    if kind is not None:
        return _feature(column, Kind(kind))
    if column.values.null_count() == len(column.values):
        raise column.error(f"all values are missing; set drop = ['{column.name}']")
    if column.parsed.null_count() == column.values.null_count() and column.values.dtype != pl.Boolean:
        return _feature(column, Kind.NUMERIC)
    if column.is_boolean:
        return _feature(column, Kind.BOOLEAN)
    dates = column.recognized_dates(date_format)
    if dates is not None:
        return _dates(column, dates)
    refuse_stray_text(column, f"types = {{ '{column.name}' = 'categorical' }}")
    count = len(column.distinct)
    if count > _MOST_CATEGORIES:
        hint = date_hint(column)
        raise column.error(
            f"{count} different texts are too many for a categorical feature; set drop = ['{column.name}'], "
            f"or types = {{ '{column.name}' = 'categorical' }} to keep it{hint and f'; {hint}'}"
        )
    return _feature(column, Kind.CATEGORICAL)


def is_identifier(column: Column, date_format: str | None = None) -> bool:
    """Return whether a column holds texts that differ in nearly every row: no numbers, booleans or dates."""
    present = column.values.drop_nulls()
    return (
        column.is_text
        and len(column.distinct) >= max(_FEWEST_IDENTIFIERS, _SHARE_OF_IDENTIFIERS * len(present))
        and 2 * column.numeric.sum() < len(present)
        and column.recognized_dates(date_format) is None
    )


def date_hint(column: Column) -> str:
    """Return what a note proposes for texts that seem to be dates of an unknown format; empty if they do not."""
    if not column.is_text or not look_like_dates(column.distinct.head(_SAMPLE).to_list()):
        return ""
    return f"if {shortened(column.distinct[0])} is a date, set date_format to its format, such as '%d.%m.%Y'"


def refuse_stray_text(column: Column, remedy: str) -> None:
    """Raise `DataError` if at least half of the values are numbers or look like numbers, but not all are numbers."""
    present, numbers = column.values.is_not_null(), column.parsed.is_not_null()
    like = column.numeric
    if 2 * like.sum() < present.sum() or numbers.sum() == present.sum():
        return
    stray = present & ~like
    if stray.any():
        raise column.error_at(
            stray,
            f"is not a number, but {like.sum()} other values are; correct it, add it to 'missing', or set {remedy}",
        )
    raise column.error_at(
        like & ~numbers,
        f"looks like a number, but is not one with {column.number_format}; correct it, or set decimal and thousands, "
        f"or {remedy}",
    )


def encode_features(
    columns: Table,
    features: Sequence[Feature],
    empty: Callable[..., np.ndarray],
    problems: Problems,
    date_format: str | None = None,
) -> dict[str, np.ndarray]:
    """Return the columns encoded as `Rows.inputs`, in the order of `features`.

    Args:
        columns: a table with the columns of all features.
        features: the features.
        empty: allocates an array, as `numpy.empty` does; it is filled column by column.
        problems: takes the errors of columns with values that their features can't have.
        date_format: a format of dates in columns whose feature has no format; if no feature has it, it is preferred
            wherever it fits.
    """
    is_new = is_new_format(date_format, features)
    coded = [feature for feature in features if feature.kind is Kind.CATEGORICAL]
    dated = [feature for feature in features if feature.kind is Kind.DATETIME]
    measured = [feature for feature in features if feature.kind in (Kind.NUMERIC, Kind.BOOLEAN)]
    inputs = {}
    if measured:
        inputs["numeric"] = empty((columns.height, len(measured)), np.float64)
    for place, feature in enumerate(measured):
        with problems.collected():
            column = columns[feature.name]
            values = column.booleans() if feature.kind is Kind.BOOLEAN else column.numbers()
            inputs["numeric"][:, place] = values
    if coded:
        inputs["categorical"] = empty((columns.height, len(coded)), np.int32)
    for place, feature in enumerate(coded):
        inputs["categorical"][:, place] = columns[feature.name].codes(feature.categories)
    if dated:
        inputs["datetime"] = empty((columns.height, len(dated), 2), np.int32)
    for place, feature in enumerate(dated):
        with problems.collected():
            column = columns[feature.name]
            inputs["datetime"][:, place] = column.dates(feature.date_format, date_format, is_new=is_new)
    return inputs


def _given_dates(column: Column, date_format: str | None) -> Feature:
    """Return the feature of a column that is said to hold dates."""
    found = column.recognized_dates(date_format)
    if found is None and len(column.distinct):
        stray = parse_dates(column.texts, date_format).is_null() & column.values.is_not_null()
        raise column.error_at(
            stray, f"is not {format_words(date_format)}; correct it or add it to 'missing', or set date_format"
        )
    return Feature(name=column.name, kind=Kind.DATETIME) if found is None else _dates(column, found)


def _dates(column: Column, found: RecognizedDates) -> Feature:
    column.refuse_unclear(found, f"or set types = {{ '{column.name}' = 'categorical' }}")
    return Feature(name=column.name, kind=Kind.DATETIME, date_format=found.date_format)


def _feature(column: Column, kind: Kind) -> Feature:
    categories = column.in_order() if kind is Kind.CATEGORICAL else ()
    return Feature(name=column.name, kind=kind, categories=categories)
