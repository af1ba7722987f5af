"""Numbers of columns, broadcast over rows."""

from gmcore.domain import Array

__all__ = ["per_column"]


def per_column(numbers: Array, rows: Array) -> Array:
    """Return one number a column, `(columns,)`, with as many axes as `rows`, `(…, columns)`.

    Broadcasting would do it too; but under `vmap` it then costs MLX two operations where this costs one.
    """
    return numbers[(None,) * (rows.ndim - numbers.ndim)]
