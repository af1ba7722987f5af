"""Encoding of columns in memory as inputs and targets."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Literal, Protocol, cast, runtime_checkable

import numpy as np

from gmcore.domain import Feature, Kind, Rows, Target, TargetKind
from gmcore.errors import DataError, did_you_mean

__all__ = ["Task", "decode_inputs", "encode_inputs", "encode_target", "infer_features", "name_columns"]

Task = Literal["auto", "classification", "regression"]

_NUMBERS, _INTEGERS = "biuf", "biu"  # NumPy's dtype kinds
_FEW_CLASSES = 20


@runtime_checkable
class _Frame(Protocol):
    """A data frame, as in pandas and polars."""

    @property
    def columns(self) -> Iterable[object]: ...
    def __getitem__(self, name: object, /) -> object: ...


class _Sortable(Protocol):
    def __lt__(self, other: object, /) -> bool: ...


def name_columns(x: object, names: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Return the columns of a mapping, a data frame or a `(rows, features)` array, by name.

    Args:
        x: the columns.
        names: names of an array's columns, in order; by default `x0`, `x1` …

    Raises:
        DataError: if names, lengths or dimensions do not match, or there are no rows or columns.
    """
    columns = dict(_named(x, names))
    lengths = {name: len(column) for name, column in columns.items()}
    if not columns or 0 in lengths.values():
        raise DataError("X must have at least one row and one feature, got none")
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(f"all columns must have the same number of rows, got {found}")
    return columns


def infer_features(columns: Mapping[str, np.ndarray], types: Mapping[str, str]) -> tuple[Feature, ...]:
    """Return the features: numeric for numbers, boolean for booleans, categorical for strings, in sorted order.

    Args:
        columns: the columns, by name.
        types: the kinds of columns that are to be treated otherwise, by name.

    Raises:
        DataError: if `types` names a column that does not exist.
    """
    for name, kind in types.items():
        if name not in columns:
            raise DataError(f"types: no column '{name}' to treat as {kind}{did_you_mean(name, columns)}")
    return tuple(_feature(name, column, types.get(name)) for name, column in columns.items())


def encode_inputs(columns: Mapping[str, np.ndarray], features: Sequence[Feature]) -> dict[str, np.ndarray]:
    """Return the columns as in `Rows.inputs`, in the order and with the category codes of `features`.

    Raises:
        DataError: if a feature has no column, or a column has values that its feature's kind does not allow.
    """
    for feature in features:
        if feature.name not in columns:
            raise DataError(f"no column '{feature.name}'{did_you_mean(feature.name, columns)}")
    numeric = [_floats(columns[f.name], f) for f in features if f.kind is not Kind.CATEGORICAL]
    coded = [_codes(columns[f.name], f.categories) for f in features if f.kind is Kind.CATEGORICAL]
    inputs = {"numeric": numeric, "categorical": coded}
    return {name: np.stack(stacked, axis=1) for name, stacked in inputs.items() if stacked}


def decode_inputs(rows: Rows) -> dict[str, np.ndarray]:
    """Return the columns of these rows, the inverse of `encode_inputs`."""
    numeric = {f.name: rows.inputs["numeric"][:, i] for i, f in enumerate(rows.schema.numeric)}
    coded = {
        f.name: np.array([None, *f.categories], object)[rows.inputs["categorical"][:, i]]
        for i, f in enumerate(rows.schema.categorical)
    }
    return numeric | coded


def encode_target(
    y: object, task: Task, names: Sequence[str] = (), classes: Sequence[str] = ()
) -> tuple[Target, np.ndarray]:
    """Return the target, and its values as in `Rows.targets`.

    Strings, booleans and integers are classes, in sorted order; floats are values to predict. `task` overrides
    that, and `classes` the order.

    Raises:
        DataError: if values are missing, infinite, all of one class, or do not fit the task.
    """
    values = _target_values(y)
    if names and len(names) != values.shape[1]:
        raise DataError(f"got {len(names)} target names for {values.shape[1]} target columns")
    names = tuple(names) or (("target",) if values.shape[1] == 1 else tuple(f"y{i}" for i in range(values.shape[1])))
    if not classes and (task == "regression" or (task == "auto" and values.dtype.kind == "f")):
        return _regression(values, names)
    return _classification(values, names, classes, inferred=not classes and task != "classification")


def _named(x: object, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(x, Mapping | _Frame):
        if names:
            raise DataError("feature_names applies to arrays only, and the columns of X have names")
        for name in list(x if isinstance(x, Mapping) else x.columns):
            yield str(name), _column(x[name], str(name))
        return
    array = np.asarray(x)
    if array.ndim != 2:  # noqa: PLR2004 - rows and features
        raise DataError(
            f"X must have shape (rows, features), got {array.shape}: for a single feature, use X.reshape(-1, 1)"
        )
    names = names or [f"x{i}" for i in range(array.shape[1])]
    if len(set(names)) != array.shape[1]:
        raise DataError(f"got {len(set(names))} distinct feature names for {array.shape[1]} features")
    for name, column in zip(names, array.T, strict=True):
        yield name, _column(column, name)


def _column(values: object, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind == "U" and isinstance(values, list | tuple):
        array = np.array(values, object)  # NumPy would convert the numbers in a mixed list to strings
    if array.ndim != 1:
        raise DataError(f"column '{name}' must have one dimension, got shape {array.shape}")
    if array.dtype.kind in "UT":
        return array.astype(object)
    if array.dtype.kind not in _NUMBERS + "O":
        raise DataError(f"column '{name}' has dtype {array.dtype}: a column must hold numbers, booleans or strings")
    return array


def _missing(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124 - only NaN differs from itself


def _label(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return str(int(float(value))) if isinstance(value, Real) and float(value).is_integer() else str(value)


def _feature(name: str, column: np.ndarray, kind: str | None) -> Feature:
    kind = Kind(kind or _inferred(column))
    if kind is not Kind.CATEGORICAL:
        return Feature(name=name, kind=kind)
    present = {value for value in column.tolist() if not _missing(value)}
    return Feature(name=name, kind=kind, categories=tuple(_sorted_labels(present)))


def _inferred(column: np.ndarray) -> Kind:
    if column.dtype.kind != "O":
        return Kind.BOOLEAN if column.dtype.kind == "b" else Kind.NUMERIC
    present = [value for value in column.tolist() if not _missing(value)]
    for kind, types in ((Kind.CATEGORICAL, str), (Kind.BOOLEAN, bool | np.bool_)):
        if present and all(isinstance(value, types) for value in present):
            return kind
    return Kind.NUMERIC


def _sorted_labels(values: Collection[object]) -> list[str]:
    has_strings = any(isinstance(value, str) for value in values)
    ordered = sorted(values, key=str) if has_strings else sorted(cast("Collection[_Sortable]", values))
    return list(dict.fromkeys(map(_label, ordered)))


def _floats(column: np.ndarray, feature: Feature) -> np.ndarray:
    values = column.astype(np.float64) if column.dtype.kind in _NUMBERS else _parsed(column, feature.name)
    is_bad, problem = np.isinf(values), "infinite values"
    if feature.kind is Kind.BOOLEAN:
        is_bad, problem = ~(np.isnan(values) | np.isin(values, (0, 1))), "values that are neither true nor false"
    bad = np.flatnonzero(is_bad)
    if bad.size:
        raise DataError(f"column '{feature.name}' has {bad.size} {problem}, the first in row {bad[0]}")
    return values


def _parsed(column: np.ndarray, name: str) -> np.ndarray:
    values = np.full(len(column), np.nan)
    for row, value in enumerate(column.tolist()):
        if isinstance(value, Real | Decimal | np.bool_):
            values[row] = value
        elif not _missing(value):
            raise DataError(f"column '{name}' has {value!r} in row {row}, which is not a number")
    return values


def _codes(column: np.ndarray, categories: Sequence[str]) -> np.ndarray:
    code = {category: place for place, category in enumerate(categories, start=1)}
    codes = [0 if _missing(value) else code.get(_label(value), 0) for value in column.tolist()]
    return np.array(codes, np.int32)


def _target_values(y: object) -> np.ndarray:
    """Return the target as `(rows, targets)` of booleans, integers, floats or strings, none missing."""
    values = np.asarray(y)
    if values.ndim not in (1, 2):
        raise DataError(f"y must have shape (rows,) or (rows, targets), got {values.shape}")
    values = values.reshape(len(values), -1)
    missing = np.vectorize(_missing, otypes=[bool])(values) if values.dtype.kind == "O" else values != values  # noqa: PLR0124
    bad = np.flatnonzero(missing.any(axis=1))
    if bad.size:
        raise DataError(f"{bad.size} rows have no target, the first is row {bad[0]}: remove them")
    values = np.array(values.tolist()) if values.dtype.kind == "O" else values
    if values.dtype.kind not in _NUMBERS + "UT":
        raise DataError(f"y has dtype {values.dtype}: a target must hold numbers, booleans or strings")
    return values


def _regression(values: np.ndarray, names: tuple[str, ...]) -> tuple[Target, np.ndarray]:
    if values.dtype.kind not in _NUMBERS:
        raise DataError(f"y must be numeric for regression, got strings such as {str(values.flat[0])!r}")
    floats = values.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(floats).all(axis=1))
    if bad.size:
        raise DataError(f"y has {bad.size} infinite values, the first in row {bad[0]}")
    return Target(names=names, kind=TargetKind.REGRESSION), floats


def _classification(
    values: np.ndarray, names: tuple[str, ...], classes: Sequence[str], *, inferred: bool
) -> tuple[Target, np.ndarray]:
    if len(names) > 1:
        raise DataError(
            f"y must have one column for classification, got {len(names)}: to predict numbers, pass task='regression'"
        )
    found, indices = np.unique(values[:, 0], return_inverse=True)
    labels = [_label(value) for value in found.tolist()]
    if len(labels) == 1:
        raise DataError(f"y must have at least two classes, got '{labels[0]}' in every row")
    if inferred and values.dtype.kind in _INTEGERS and len(labels) > max(_FEW_CLASSES, len(values) // 2):
        raise DataError(
            f"y has {len(labels)} distinct integers in {len(values)} rows: "
            "pass task='regression' to predict numbers, or task='classification'"
        )
    order = tuple(classes) or tuple(labels)
    unknown = [label for label in labels if label not in order]
    if unknown:
        raise DataError(f"y has '{unknown[0]}', which is not among the classes {', '.join(order)}")
    kind = TargetKind.BINARY if len(order) == 2 else TargetKind.MULTICLASS  # noqa: PLR2004 - binary is two classes
    place = np.array([order.index(label) for label in labels], np.int32)
    return Target(names=names, kind=kind, classes=order), place[indices]
