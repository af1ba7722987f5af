"""Broadcast one number per column over rows."""

from gmcore.domain import Array

__all__ = ["per_column"]


def per_column(numbers: Array, rows: Array) -> Array:
    """Return `numbers`, `(columns,)`, with as many axes as `rows`, `(…, columns)`.

    Implicit broadcasting gives the same result, but under `vmap` it takes two operations on MLX instead of one.
    """
    return numbers[(None,) * (rows.ndim - numbers.ndim)]
