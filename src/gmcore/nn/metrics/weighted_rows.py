"""Weighted rows: which of them count, and sums and ratios over them."""

import numpy as np

from gmcore.domain import Array
from gmcore.errors import DataError
from gmcore.ports import Namespace

__all__ = ["center_of", "counted", "ratio", "total"]

# Probabilities that were rounded to float32 and summed may pass 1 by a little.
_TINY = 1e-75
_ROUNDING = 1e-5


def counted(
    predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions, targets and weights of the rows whose weight is above 0, weights of 1 for None.

    All are float64 but class indices, `(rows,)`, which keep their dtype.

    Raises:
        DataError: if the shapes don't fit, a target is not the index of a class, or the predictions for classes are
            not probabilities; NaN, as of a model that diverged, is accepted.
    """
    _check_shapes(predictions, targets, weights)
    if targets.ndim > 1:
        targets = np.asarray(targets, np.float64)
    predictions, kept = np.asarray(predictions, np.float64), np.ones(len(targets))
    if weights is not None:
        counts = weights > 0
        predictions, targets, kept = predictions[counts], targets[counts], np.asarray(weights, np.float64)[counts]
        largest = kept.max() if len(kept) else 1.0
        if not _TINY < largest < 1 / _TINY:  # whose products would be 0 or infinite; only proportions count
            kept = kept / largest
    if targets.ndim == 1 and len(targets):
        _check_classes(predictions, targets)
    return predictions, targets, kept


def _check_shapes(predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> None:
    fits = predictions.ndim > 1 and (targets.ndim == 1 or targets.shape == predictions.shape)
    if not fits or len(predictions) != len(targets):
        raise DataError(
            "predictions must have the shape (rows, classes) for targets of shape (rows,), or that of the targets, "
            f"got {predictions.shape} and {targets.shape}"
        )
    if weights is not None and weights.shape != targets.shape[:1]:
        raise DataError(f"weights must have the shape {targets.shape[:1]}, one for each row, got {weights.shape}")


def _check_classes(predictions: np.ndarray, targets: np.ndarray) -> None:
    classes = predictions.shape[1]
    if not 0 <= targets.min() <= targets.max() < classes:
        wrong = targets.min() if targets.min() < 0 else targets.max()
        raise DataError(f"targets must be class indices from 0 to {classes - 1}, got {wrong}")
    # fmin and fmax ignore NaN.
    lowest, highest = np.fmin.reduce(predictions, axis=None), np.fmax.reduce(predictions, axis=None)
    if lowest < -_ROUNDING or highest > 1 + _ROUNDING:
        wrong = lowest if lowest < -_ROUNDING else highest
        raise DataError(f"predictions for classes must be probabilities from 0 to 1, got {wrong:g}")


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


def center_of(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the value of each column that is nearest to its mean, `(columns,)`; 0 for no rows.

    One of the values rather than the mean, so that differences from it are exactly 0 where all values are equal.

    Args:
        values: `(rows, columns)`.
        weights: `(rows,)`, above 0.
    """
    if not len(values):
        return np.zeros(values.shape[1:])
    distances = np.abs(values - np.average(values, axis=0, weights=weights))
    return np.asarray(np.take_along_axis(values, distances.argmin(axis=0)[None], axis=0)[0])
