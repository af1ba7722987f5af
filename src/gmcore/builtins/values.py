"""Values in memory as NumPy arrays, whichever library they come from, and which of them are missing."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from gmcore.errors import DataError

__all__ = ["BOOLEAN_WORDS", "Sort", "is_missing", "missing_rows", "sorts_of", "to_array"]

BOOLEAN_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
"""Texts that are booleans, in lower case, as in a CSV file."""

Sort = Literal["text", "boolean", "integer", "number", "date"]

_SORTS: Sequence[tuple[tuple[type, ...], Sort]] = (
    ((str,), "text"),
    ((bool, np.bool_), "boolean"),
    ((Integral,), "integer"),
    ((Real, Decimal), "number"),
    ((dt.date, np.datetime64), "date"),
)


@runtime_checkable
class _Lazy(Protocol):
    """A query whose rows are not computed yet, such as polars' `LazyFrame`."""

    def collect(self) -> object: ...


@runtime_checkable
class _Sparse(Protocol):
    """A sparse matrix, as in SciPy."""

    def toarray(self) -> object: ...


def to_array(values: object, name: str) -> np.ndarray:
    """Return values as an array; masked ones are missing: NaN in a float array, None in others.

    Raises:
        DataError: if they are sparse, lazy, a file's name, rows of different lengths, or of a type that NumPy has not.
    """
    refuse_unread(values, name)
    if isinstance(values, np.ma.MaskedArray):
        if not np.ma.is_masked(values):
            return np.asarray(values.data)
        plain: np.ndarray = values.data.astype(values.dtype if values.dtype.kind == "f" else object)
        plain[np.ma.getmaskarray(values)] = np.nan if plain.dtype.kind == "f" else None
        return plain
    try:
        return np.asarray(values)
    # Any: this calls the conversion of another library.
    except Exception as error:
        if isinstance(values, list | tuple) and "inhomogeneous" in str(error):
            raise DataError(f"{name} has rows of different lengths") from error
        raise DataError(f"{name} can't be converted to a NumPy array: {error}") from error


def refuse_unread(values: object, name: str) -> None:
    """Raise `DataError` if these are not the values themselves: sparse, lazy, or the name of a file."""
    kind = type(values).__name__
    if isinstance(values, str | Path):
        raise DataError(
            f"{name} must be rows, got {str(values)!r:.80}: read a file first, such as with model.read(path)"
        )
    if isinstance(values, _Lazy):
        raise DataError(f"{name} is a {kind}, whose rows are not computed yet: call its collect() first")
    if isinstance(values, _Sparse):
        raise DataError(f"{name} is sparse ({kind}): call its toarray() first")


def is_missing(value: object) -> bool:
    """Return whether a value is None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - only NaN and NaT differ from themselves
    except TypeError:  # pandas.NA has no truth value
        return True
    except ValueError:  # nor has an array
        return False


def missing_rows(values: np.ndarray) -> np.ndarray:
    """Return the rows with a missing value, `(n,)`."""
    if values.dtype.kind == "O":
        missing = np.array([is_missing(value) for value in values.ravel()], bool).reshape(values.shape)
    elif values.dtype.kind in "fcmM":
        missing = values != values  # noqa: PLR0124 - only NaN and NaT differ from themselves
    else:
        missing = np.zeros(values.shape, bool)
    return np.flatnonzero(missing.reshape(len(values), -1).any(axis=1))


def sorts_of(values: np.ndarray, name: str) -> set[Sort]:
    """Return the sorts of the values in an object array that are not missing.

    Raises:
        DataError: if there are others, such as times of the day or lists.
    """
    types = {type(value): value for value in values.tolist() if not is_missing(value)}
    sorts = {kind: _sort(kind) for kind in types}
    other = next((kind for kind, sort in sorts.items() if sort is None), None)
    if other is not None:
        raise DataError(
            f"{name} has values of type {other.__name__}, such as {types[other]!r:.60}: "
            "it must hold numbers, booleans, dates or strings"
        )
    return {sort for sort in sorts.values() if sort is not None}


def _sort(kind: type) -> Sort | None:
    return next((sort for types, sort in _SORTS if issubclass(kind, types)), None)
