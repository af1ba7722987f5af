"""Inference and encoding of the target."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from gm_csv_data.column import Column, shortened
from gm_csv_data.features import refuse_stray_text
from gmcore.domain import Target, TargetKind
from gmcore.domain.data.labels import are_classes, dtype_of_texts, too_many_classes
from gmcore.errors import did_you_mean

__all__ = ["encode_target"]


def encode_target(columns: Sequence[Column], task: str, classes: Sequence[str]) -> tuple[Target, np.ndarray]:
    """Return the target and its values encoded as `Rows.targets`.

    Args:
        columns: one column, or several for regression.
        task: `"classification"`, `"regression"`, or `"auto"` to infer it from the values.
        classes: the classes in the order of their indices; empty for all values that occur, sorted.

    Raises:
        DataError: if values are missing, all equal, or don't fit the task.
    """
    for column in columns:
        column.refuse_missing()
        if len(column.distinct) == 1:
            raise column.error(f"all rows have the value {shortened(column.values[0])}, so there is nothing to learn")
    if task == "classification" or classes:
        return _classification(columns[0], classes)
    if task == "auto" and len(columns) == 1 and _are_classes(columns[0]):
        return _classification(columns[0], ())
    names = tuple(column.name for column in columns)
    values = np.stack([column.numbers() for column in columns], axis=1)
    return Target(names=names, kind=TargetKind.REGRESSION), values


def _are_classes(column: Column) -> bool:
    """Return whether a column holds classes: texts, or numbers that are taken as classes."""
    numbers = column.parsed
    if numbers.has_nulls():
        refuse_stray_text(column, "task = 'classification'")
        return True
    whole = bool(column.number_format.whole(column.distinct.cast(pl.String)).all())
    return are_classes(len(column.distinct), len(numbers), whole=whole)


def _classification(column: Column, classes: Sequence[str]) -> tuple[Target, np.ndarray]:
    found = column.in_order()
    if not classes and too_many_classes(len(found), len(column.values)):
        raise column.error(
            f"{len(found)} different values in {len(column.values)} rows are too many for classes; is this the target?"
        )
    codes = column.codes(classes or found)
    if not codes.all():
        unknown = pl.Series(codes == 0)
        value = column.texts[int(unknown.arg_max() or 0)]
        raise column.error_at(unknown, f"is not one of the classes{did_you_mean(value, classes)}")
    kind = TargetKind.BINARY if len(classes or found) == 2 else TargetKind.MULTICLASS  # noqa: PLR2004 - that is binary
    names = tuple(classes) or found
    return Target(names=(column.name,), kind=kind, classes=names, dtype=dtype_of_texts(names)), codes - 1
