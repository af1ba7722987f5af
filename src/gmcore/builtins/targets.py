"""Encoding of targets in memory."""

from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from gmcore.builtins.columns import has_categories
from gmcore.builtins.dates import are_dates
from gmcore.builtins.values import Sort, missing_rows, sorts_of, to_array
from gmcore.domain import Target, TargetKind
from gmcore.domain.data.labels import LABEL_DTYPES, are_classes, label_text, too_many_classes
from gmcore.errors import DataError

__all__ = ["Task", "encode_target"]

Task = Literal["auto", "classification", "multilabel", "regression"]

_NUMBERS, _INTEGERS = "biuf", "iu"  # NumPy's dtype kinds
_NO_DATES = "pass numbers, such as days, or strings and task='classification' for one class per date"


def encode_target(
    y: object, task: Task, names: Sequence[str] = (), classes: Sequence[object] = ()
) -> tuple[Target, np.ndarray]:
    """Return the target, and its values as in `Rows.targets`.

    Strings, booleans and categorical columns are classes, in sorted order. So are few integers that recur, and two
    floats that recur, as in a CSV file; several columns of booleans are labels, each of which a row has or not; other
    numbers are values to predict. `task` overrides that, and `classes` the order. An array with more axes has targets
    at each place of those between: `(rows, *shape, targets)`, or for classes `(rows, *shape)`.

    Raises:
        DataError: if values are missing, infinite, all of one class, or do not fit the task.
    """
    whole = to_array(y, "y")
    shape = whole.shape[1:] if task == "classification" and whole.shape[1:] != (1,) else whole.shape[1:-1]
    if not shape:
        return _encoded(y, task, names, classes)
    target, targets = _encoded(whole.reshape(-1, *whole.shape[1 + len(shape) :]), task, names, classes)
    return attrs.evolve(target, shape=shape), targets.reshape(len(whole), *shape, *targets.shape[1:])


def _encoded(y: object, task: Task, names: Sequence[str], classes: Sequence[object]) -> tuple[Target, np.ndarray]:
    """Return the target of rows that have it at one place, and its values."""
    values, dtype = _target_values(y)
    if names and len(names) != values.shape[1]:
        raise DataError(f"got {len(names)} target names for {values.shape[1]} target columns")
    names = tuple(names) or (("target",) if values.shape[1] == 1 else tuple(f"y{i}" for i in range(values.shape[1])))
    order = tuple(map(label_text, classes))
    if task == "auto" and not order and not has_categories(y) and _are_values(values):
        task = "regression"
    if task == "regression" and not order:
        return _regression(values, names)
    if task == "multilabel" or (task == "auto" and values.dtype.kind == "b" and len(names) > 1):
        return _multilabel(values, names, order)
    return _classification(values, names, order, dtype=dtype, inferred=task == "auto" and not order)


def _target_values(y: object) -> tuple[np.ndarray, str]:
    """Return the target as `(rows, targets)` of booleans, numbers or strings, none missing; and its dtype as labels."""
    values = to_array(y, "y")
    listed = isinstance(y, list | tuple)
    if values.dtype.kind == "U" and listed:
        values = np.array(y, object)  # NumPy would convert the numbers in a mixed list to strings
    if values.ndim not in (1, 2):
        raise DataError(f"y must have shape (rows,) or (rows, targets), got {values.shape}")
    values = values.reshape(len(values), -1)
    bad = missing_rows(values)
    if bad.size:
        raise DataError(f"{bad.size} rows have no target, the first is row {bad[0]}: remove them")
    if values.dtype.kind == "O":
        return _narrowed(values, text="str" if listed else "object")
    if values.dtype.kind == "M":
        raise DataError(f"y has dates, such as {values.flat[0]}, which can't be predicted: {_NO_DATES}")
    if values.dtype.kind not in _NUMBERS + "UT":
        raise DataError(f"y has dtype {values.dtype}: a target must hold numbers, booleans or strings")
    return values, _label_dtype(values.dtype)


def _narrowed(values: np.ndarray, *, text: str) -> tuple[np.ndarray, str]:
    """Return objects as an array of their own dtype, and its dtype as labels."""
    sorts: set[Sort] = sorts_of(values.ravel(), "y")
    if sorts == {"text"}:
        return values.astype(str), text
    if "date" in sorts:
        raise DataError(f"y has dates, such as {values.flat[0]!s:.60}, which can't be predicted: {_NO_DATES}")
    if "text" in sorts:
        raise DataError("y has both strings and numbers: make all labels strings, or all numbers")
    try:
        found = values.astype(np.float64 if "number" in sorts else np.int64 if "integer" in sorts else bool)
    except OverflowError as error:
        raise DataError(f"y has integers that don't fit 64 bits: make them strings ({error})") from error
    return found, _label_dtype(found.dtype)


def _label_dtype(dtype: np.dtype) -> str:
    """Return the name of a dtype of labels."""
    name = {"U": "str", "T": "StringDType"}.get(dtype.kind, dtype.name)
    return name if name in LABEL_DTYPES else "float64"  # longdouble has another size on each platform


def _are_values(values: np.ndarray) -> bool:
    """Return whether the target is values to predict, not classes."""
    if values.dtype.kind not in _INTEGERS + "f":
        return False
    if values.shape[1] > 1:
        return True
    return not are_classes(len(np.unique(values)), len(values), whole=values.dtype.kind in _INTEGERS)


def _regression(values: np.ndarray, names: tuple[str, ...]) -> tuple[Target, np.ndarray]:
    if values.dtype.kind not in _NUMBERS:
        raise DataError(f"y must be numeric for regression, got strings such as {str(values.flat[0])!r}")
    floats = values.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(floats).all(axis=1))
    if bad.size:
        raise DataError(f"y has {bad.size} infinite values, the first in row {bad[0]}")
    return Target(names=names, kind=TargetKind.REGRESSION), floats


def _multilabel(values: np.ndarray, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[Target, np.ndarray]:
    if classes:
        raise DataError("classes: labels that a row has or not have none: leave it out")
    wrong = ~np.isin(values, (0, 1)).all(axis=1) if values.dtype.kind in _NUMBERS else np.ones(len(values), bool)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"y must hold 0 and 1, or booleans, for several labels, got {values[row].tolist()} in row {row}"
        )
    dtype = "bool" if values.dtype.kind == "b" else "int64"
    return Target(names=names, kind=TargetKind.MULTILABEL, dtype=dtype), values.astype(np.int32)


def _classification(
    values: np.ndarray, names: tuple[str, ...], classes: tuple[str, ...], *, dtype: str, inferred: bool
) -> tuple[Target, np.ndarray]:
    if len(names) > 1:
        raise DataError(
            f"y must have one column for classification, got {len(names)}: pass task='multilabel' for labels of 0 and "
            "1, 'classification' for a class in each column, or 'regression' for numbers"
        )
    found, indices = np.unique(values[:, 0], return_inverse=True)
    labels = [label_text(value) for value in found.tolist()]
    if len(labels) == 1:
        raise DataError(f"y must have at least two classes, got '{labels[0]}' in every row")
    if inferred and values.dtype.kind in "UT" and are_dates(labels):
        raise DataError(f"y has dates, such as '{labels[0]}', which can't be predicted: {_NO_DATES}")
    if inferred and values.dtype.kind in "UT" and too_many_classes(len(labels), len(values)):
        raise DataError(
            f"y has {len(labels)} different strings in {len(values)} rows, which are too many for classes: "
            "is this the target? If it is, pass task='classification'"
        )
    order = classes or tuple(labels)
    unknown = [label for label in labels if label not in order]
    if unknown:
        raise DataError(f"y has '{unknown[0]}', which is not among the classes {', '.join(order)}")
    kind = TargetKind.BINARY if len(order) == 2 else TargetKind.MULTICLASS  # noqa: PLR2004 - binary is two classes
    place = np.array([order.index(label) for label in labels], np.int32)
    try:
        return Target(names=names, kind=kind, classes=order, dtype=dtype), place[indices]
    except ValueError as error:
        raise DataError(f"classes: {error}") from error
