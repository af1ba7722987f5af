"""The named columns of arrays, mappings and data frames."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.builtins.values import refuse_unread, to_array
from gmcore.errors import DataError

__all__ = ["categorical_columns", "has_categories", "has_names", "name_columns"]

_NUMBERS, _DATES = "biuf", "M"  # NumPy's dtype kinds


@runtime_checkable
class _Frame(Protocol):
    """A data frame, as in pandas and polars."""

    @property
    def columns(self) -> Iterable[object]: ...
    def __getitem__(self, name: object, /) -> object: ...


@runtime_checkable
class _CategoricalDtype(Protocol):
    """The dtype of a categorical column, as in pandas and polars."""

    @property
    def categories(self) -> object: ...


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


def has_names(x: object) -> bool:
    """Return whether the columns have names, as in a mapping, a data frame and a structured array.

    Raises:
        DataError: if it is sparse, lazy or the name of a file.
    """
    refuse_unread(x, "X")
    return isinstance(x, Mapping | _Frame) or (isinstance(x, np.ndarray) and x.dtype.names is not None)


def categorical_columns(x: object) -> list[str]:
    """Return the names of the columns that are categorical in their data frame, whatever their values."""
    if not has_names(x) or isinstance(x, np.ndarray):
        return []
    return [str(name) for name in _names(x) if has_categories(x[name])]  # type: ignore[index]


def has_categories(values: object) -> bool:
    """Return whether a column's dtype is categorical."""
    return isinstance(getattr(values, "dtype", None), _CategoricalDtype)


def _named(x: object, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    if not has_names(x):
        yield from _numbered(x, names)
        return
    if names:
        raise DataError("feature_names applies to arrays only, and the columns of X have names")
    found = _names(x)
    texts = [str(name) for name in found]
    if len(set(texts)) < len(texts):
        repeated = next(text for text in texts if texts.count(text) > 1)
        raise DataError(f"column names must be unique, got '{repeated}' {texts.count(repeated)} times: rename them")
    for name, text in zip(found, texts, strict=True):
        yield text, _column(x[name], text)  # type: ignore[index]


def _names(x: object) -> list[object]:
    if isinstance(x, np.ndarray):
        return list(x.dtype.names or ())
    return list(x if isinstance(x, Mapping) else x.columns)  # type: ignore[attr-defined]


def _numbered(x: object, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    array = to_array(x, "X")
    if array.ndim == 1:
        raise DataError(
            f"X must have shape (rows, features), got {array.shape}: for one row, use [x]; for one feature, "
            "x.reshape(-1, 1)"
        )
    if array.ndim != 2:  # noqa: PLR2004 - rows and features
        raise DataError(f"X must have shape (rows, features), got {array.shape}")
    names = names or [f"x{i}" for i in range(array.shape[1])]
    if len(set(names)) != array.shape[1]:
        raise DataError(f"got {len(set(names))} distinct feature names for {array.shape[1]} features")
    # NumPy gives all columns of a list one dtype: numbers beside a text would become strings.
    columns: Iterable[object] = array.T
    if isinstance(x, list | tuple) and not all(isinstance(row, np.ndarray) for row in x):
        columns = zip(*x, strict=True)
    for name, column in zip(names, columns, strict=False):  # a list without rows has no columns
        yield name, _column(column, name)


def _column(values: object, name: str) -> np.ndarray:
    title = f"column '{name}'"
    array = to_array(values, title)
    if array.dtype.kind == "U" and isinstance(values, list | tuple):
        array = np.array(values, object)  # NumPy would convert the numbers in a mixed list to strings
    if array.ndim != 1:
        raise DataError(f"{title} must have one dimension, got shape {array.shape}")
    if array.dtype.kind in "UT":
        return array.astype(object)
    if array.dtype.kind not in _NUMBERS + _DATES + "O":
        hint = "; for durations, pass numbers, such as days" if array.dtype.kind == "m" else ""
        raise DataError(
            f"{title} has dtype {array.dtype}: a column must hold numbers, booleans, dates or strings{hint}"
        )
    return array
