"""Column statistics of one block of weighted rows, ignoring NaN."""

import numpy as np

__all__ = ["weighted_median", "weighted_moments"]


def weighted_moments(block: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each column's count, summed weight, mean and population variance, float64; 0 in a column of NaN.

    Args:
        block: `(rows, …)`.
        weights: `(rows,)`, above 0.
    """
    present = ~np.isnan(block)
    own = np.where(present, weights.reshape(-1, *[1] * (block.ndim - 1)), 0.0)
    weight = own.sum(axis=0)
    # Divided first, since a product of a large weight and a large value would overflow.
    share = np.divide(own, weight, out=np.zeros_like(own), where=weight > 0)
    values = np.where(present, np.asarray(block, np.float64), 0.0)
    mean = np.sum(share * values, axis=0)
    variance = np.sum(share * np.square(np.where(present, values - mean, 0.0)), axis=0)
    return np.asarray(present.sum(axis=0), np.float64), weight, mean, variance


def weighted_median(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return each column's weighted median, `(columns,)` float64; 0 for a column of NaN.

    Args:
        columns: `(rows, columns)`.
        weights: `(rows,)`, above 0.
    """
    order = np.argsort(columns, axis=0, kind="stable")  # NaN last
    values = np.take_along_axis(np.asarray(columns, np.float64), order, axis=0)
    own = np.where(np.isnan(values), 0.0, weights[order])
    below = np.cumsum(own, axis=0)
    half = below[-1] / 2
    # A sum that equals half of the weight but for rounding ends in the middle of the rows.
    slack = half * len(columns) * np.finfo(np.float64).eps
    lower, upper = (np.argmax(past, axis=0) for past in (below >= half - slack, below > half + slack))
    ends = np.take_along_axis(values, np.stack([lower, upper]), axis=0)
    return np.where(half > 0, ends.mean(axis=0), 0.0)
