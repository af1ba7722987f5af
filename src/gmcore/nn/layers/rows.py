"""What belongs to columns, beside rows."""

from gmcore.domain import Array

__all__ = ["beside_rows"]


def beside_rows(numbers: Array, rows: Array) -> Array:
    """Return one number a column, `(columns,)`, with as many axes as `rows`, `(…, columns)`.

    Broadcasting would do it too; but under `vmap` it then costs MLX two operations where this costs one.
    """
    return numbers[(None,) * (rows.ndim - numbers.ndim)]
