"""Checks of the values of numeric targets, on the host."""

import math

import numpy as np

from gmcore.errors import DataError

__all__ = ["require_range", "require_sums_of_one"]

# Each probability may have been rounded to two decimal places, and sums are rounded, too.
_ROUNDED = 0.00501


def require_range(targets: np.ndarray, *, loss: str, needs: str, most: float = math.inf) -> None:
    """Raise `DataError` if a value is not in a range from 0.

    Args:
        targets: the targets, `(rows, …)`.
        loss: the loss's name.
        needs: what the loss needs, such as `"probabilities from 0 to 1"`.
        most: the largest value.
    """
    outside = ~((targets >= 0) & (targets <= most))
    if outside.any():
        raise _wrong(targets, outside, needs=f"{loss} needs {needs}")


def require_sums_of_one(targets: np.ndarray, *, loss: str) -> None:
    """Raise `DataError` if the values on the last axis, `(rows, …, classes)`, don't sum to 1, up to rounding."""
    apart = np.abs(targets.sum(axis=-1) - 1) > _ROUNDED * targets.shape[-1]
    if apart.any():
        raise _wrong(targets, apart, needs=f"{loss} needs probabilities that sum to 1 in each row")


def _wrong(targets: np.ndarray, wrong: np.ndarray, *, needs: str) -> DataError:
    of_rows = wrong.reshape(len(targets), -1).any(axis=1)
    row = int(of_rows.argmax())
    more = f"{int(of_rows.sum())} rows have other targets, the first is row {row}"
    return DataError(f"{needs}: {more}, with {targets[row].ravel()[:10].tolist()}")
