"""Weighted rows: which of them count, and sums and ratios over them."""

import numpy as np

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["counted", "ratio", "total"]


def counted(
    predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions, targets and weights of the rows whose weight is above 0, weights of 1 for None.

    All are float64 but class indices, `(rows,)`, which keep their dtype.
    """
    if targets.ndim > 1:
        targets = np.asarray(targets, np.float64)
    if weights is None:
        return np.asarray(predictions, np.float64), targets, np.ones(len(targets))
    counts = weights > 0
    return np.asarray(predictions, np.float64)[counts], targets[counts], np.asarray(weights, np.float64)[counts]


def total(values: Array, weights: Array, *, xp: Namespace) -> Array:
    """Return the weighted sum over the first axis.

    A row of weight 0 adds nothing, even if its value is infinite or NaN.

    Args:
        values: `(batch, …)`.
        weights: `(batch,)`.
        xp: the backend's namespace.
    """
    counts = xp.reshape(weights, (-1, *(1,) * (values.ndim - 1)))
    return xp.sum(xp.where(counts > 0, counts * values, 0.0), axis=0)


def ratio(part: np.ndarray, whole: np.ndarray, empty: float = np.nan) -> np.ndarray:
    """Return `part / whole`, broadcast together, and `empty` where the whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, empty), where=whole != 0))
