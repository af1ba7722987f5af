"""Values in memory of which each row has one: weights, groups and times."""

import numpy as np

from gmcore.builtins.times import encode_times
from gmcore.builtins.values import missing_rows, to_array
from gmcore.errors import DataError

__all__ = ["check_length", "group_codes", "row_times", "row_weights"]


def check_length(name: str, column: np.ndarray, count: int, *, rows: str = "X") -> None:
    """Raise `DataError` unless a column has `count` entries, as many as the rows."""
    if column.ndim < 1 or len(column) != count:
        found = len(column) if column.ndim else "none"
        raise DataError(f"{rows} and {name} must have the same number of rows, got {count} and {found}")


def row_weights(values: object, count: int, *, rows: str = "X") -> np.ndarray:
    """Return the weight of each row, `(rows,)`, float64."""
    given = _present("weights", values, count, rows=rows)
    try:
        weights = given.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"weights must be numbers: {error}") from error
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        raise DataError(f"weights must be finite and not negative, got {weights[bad[0]]} in row {bad[0]}")
    if not weights.any():
        raise DataError("weights must not all be 0")
    return weights


def group_codes(values: object, count: int, *, rows: str = "X") -> np.ndarray:
    """Return the number of each row's group, `(rows,)`, int64."""
    return np.unique(_present("groups", values, count, rows=rows), return_inverse=True)[1].astype(np.int64)


def row_times(
    values: object, count: int, date_format: str | None = None, *, rows: str = "X"
) -> tuple[np.ndarray, str | None]:
    """Return the times of the rows, and the format of texts, as `encode_times` does."""
    _present("time", values, count, rows=rows)
    return encode_times(to_array(values, "time"), date_format)


def _present(name: str, values: object, count: int, *, rows: str) -> np.ndarray:
    """Return one value per row, in a sortable dtype."""
    column = to_array(values, name)
    check_length(name, column, count, rows=rows)
    if column.ndim != 1:
        raise DataError(f"{name} must have one dimension, got shape {column.shape}")
    missing = missing_rows(column)
    if missing.size:
        have = "has" if missing.size == 1 else "have"
        raise DataError(f"{missing.size} of {count} rows {have} no value in {name}, the first is row {missing[0]}")
    plain = np.array(column.tolist()) if column.dtype.kind == "O" else column
    if plain.ndim != 1:
        raise DataError(f"{name} must hold one value per row, got {column[0]!r:.60} in row 0")
    return plain
