"""Inference of feature kinds from columns, and encoding of columns as features."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from gm_csv_data.column import Column
from gm_csv_data.table import Table
from gmcore.domain import Feature, Kind

__all__ = ["encode_features", "infer_feature", "refuse_stray_text"]

_MOST_CATEGORIES = 256


def infer_feature(column: Column, kind: str | None) -> Feature:
    """Return the feature of a column: of the given kind, or inferred from the values.

    Raises:
        DataError: if the kind can't be inferred.
    """
    if kind is not None:
        return _feature(column, Kind(kind))
    if column.values.null_count() == len(column.values):
        raise column.error(f"all values are missing; set drop = ['{column.name}']")
    if column.parsed.null_count() == column.values.null_count() and column.values.dtype != pl.Boolean:
        return _feature(column, Kind.NUMERIC)
    if column.is_boolean:
        return _feature(column, Kind.BOOLEAN)
    refuse_stray_text(column, f"types = {{ '{column.name}' = 'categorical' }}")
    count = column.values.drop_nulls().n_unique()
    if count > _MOST_CATEGORIES:
        raise column.error(
            f"{count} different texts are too many for a categorical feature; set drop = ['{column.name}'], "
            f"or types = {{ '{column.name}' = 'categorical' }} to keep it"
        )
    return _feature(column, Kind.CATEGORICAL)


def refuse_stray_text(column: Column, remedy: str) -> None:
    """Raise `DataError` if at least half of the values are numbers, but not all are."""
    present = len(column.values) - column.values.null_count()
    numbers = len(column.values) - column.parsed.null_count()
    if present / 2 <= numbers < present:
        bad = column.parsed.is_null() & column.values.is_not_null()
        raise column.error_at(
            bad, f"is not a number, but {numbers} other values are; correct it, add it to 'missing', or set {remedy}"
        )


def encode_features(
    columns: Table, features: Sequence[Feature], empty: Callable[..., np.ndarray] = np.empty
) -> dict[str, np.ndarray]:
    """Return the columns encoded as `Rows.inputs`, in the order of `features`.

    Args:
        columns: a table with the columns of all features.
        features: the features.
        empty: allocates an array, as `numpy.empty` does; it is filled column by column.

    Raises:
        DataError: if a column has a value that its feature can't have.
    """
    coded = [feature for feature in features if feature.kind is Kind.CATEGORICAL]
    measured = [feature for feature in features if feature.kind is not Kind.CATEGORICAL]
    inputs = {}
    if measured:
        inputs["numeric"] = empty((columns.height, len(measured)), np.float64)
    for place, feature in enumerate(measured):
        column = columns[feature.name]
        values = column.booleans() if feature.kind is Kind.BOOLEAN else column.numbers()
        inputs["numeric"][:, place] = values
    if coded:
        inputs["categorical"] = empty((columns.height, len(coded)), np.int32)
    for place, feature in enumerate(coded):
        inputs["categorical"][:, place] = columns[feature.name].codes(feature.categories)
    return inputs


def _feature(column: Column, kind: Kind) -> Feature:
    categories = column.in_order() if kind is Kind.CATEGORICAL else ()
    return Feature(name=column.name, kind=kind, categories=categories)
