"""Inference and encoding of the target."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from gm_csv_data.column import Column, shortened
from gm_csv_data.features import refuse_stray_text
from gm_csv_data.table import Table
from gmcore.domain import Target, TargetKind
from gmcore.domain.data.labels import are_classes, dtype_of_texts, too_many_classes
from gmcore.errors import DataError, did_you_mean

__all__ = ["encode_target", "with_targets"]


def with_targets(table: Table, names: Sequence[str], notes: list[str]) -> Table:
    """Return the table without the rows in which a target is missing, and add a note about them.

    Raises:
        DataError: if no row is left.
    """
    lost = np.logical_or.reduce([table[name].lost.to_numpy() for name in names])
    if not lost.any():
        return table
    if lost.all():
        which = f"column '{names[0]}'" if len(names) == 1 else f"columns {', '.join(map(repr, names))}"
        raise DataError(
            f"{table.source.name}, {which}: the target is missing in every row, so there is nothing to learn"
        )
    line, count = table.source.line(int(lost.argmax())), int(lost.sum())
    left_out = f"left out {count:,} of {len(lost):,} rows, which have no target, the first in {line}"
    notes.append(f"{table.source.name}: {left_out}")
    return table.only(np.flatnonzero(~lost))


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
        column.refuse_missing("set drop_missing_target = true to leave those rows out")
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
        if column.recognized_dates() is not None:
            raise column.error(
                f"its values are dates, such as {shortened(column.distinct[0])}, which can't be predicted; write "
                "numbers, such as days, or set task = 'classification' for one class per date"
            )
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
