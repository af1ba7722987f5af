"""Column statistics over blocks of rows, ignoring NaN."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from gmcore.nn.layers.blocks import Blocks

__all__ = ["means", "means_and_variances", "medians"]

_NUMBERS = 1 << 22
"""Numbers that `medians` holds in memory at a time."""


def means(blocks: Iterable[np.ndarray]) -> np.ndarray | None:
    """Return each column's mean, float64; 0 for a column of NaN, None if there are no rows."""
    moments = _merged(blocks, _mean)
    return None if moments is None else moments[1]


def means_and_variances(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return each column's count, mean and population variance (ddof 0), float64; None if there are no rows.

    Blocks are merged by the pairwise update of Chan, Golub and LeVeque (1979).
    """
    with np.errstate(over="ignore", invalid="ignore"):  # the variance of numbers whose squares overflow is infinite
        return _merged(blocks, _mean_and_variance)


def medians(blocks: Iterable[np.ndarray]) -> np.ndarray | None:
    """Return each column's median, float64; 0 for a column of NaN, None if there are no rows.

    Each pass over the blocks gathers all rows of as many columns as fit in memory, at least one.
    """
    count: int = 0
    shape: tuple[int, ...] = ()
    for block in blocks:
        count, shape = count + len(block), block.shape[1:]
    if not count:
        return None
    flat = Blocks(lambda: (block.reshape(len(block), math.prod(shape)) for block in blocks))
    step = max(1, _NUMBERS // count)
    # Copied, since a view would keep the whole block in memory.
    parts = [
        _median(np.concatenate([block[:, start : start + step].copy() for block in flat]))
        for start in range(0, math.prod(shape), step)
    ]
    return np.concatenate(parts).reshape(shape)


Moments = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Count, mean and population variance of each column."""


def _merged(blocks: Iterable[np.ndarray], moments: Callable[[np.ndarray], Moments]) -> Moments | None:
    merged = None
    for block in blocks:
        if len(block):
            merged = _merge(merged, moments(block)) if merged else moments(block)
    return merged


def _merge(one: Moments, other: Moments) -> Moments:
    (count, mean, variance), (other_count, other_mean, other_variance) = one, other
    share = other_count / np.maximum(count + other_count, 1.0)
    difference = other_mean - mean
    merged = (1 - share) * variance + share * other_variance + share * (1 - share) * np.square(difference)
    return count + other_count, mean + share * difference, merged


def _mean(block: np.ndarray) -> Moments:
    missing = np.isnan(block)
    # Without NaN, the plain mean takes a tenth of the time.
    if not missing.any():
        count = np.full(block.shape[1:], float(len(block)))
        return count, block.mean(axis=0, dtype=np.float64), np.zeros(count.shape)
    count = np.asarray(np.sum(~missing, axis=0), np.float64)
    return count, np.nanmean(_filled(block), axis=0), np.zeros(count.shape)


def _mean_and_variance(block: np.ndarray) -> Moments:
    count, mean, _ = _mean(block)
    if (count == len(block)).all():
        return count, mean, block.var(axis=0, dtype=np.float64)
    return count, mean, np.nanvar(_filled(block), axis=0)


def _median(block: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmedian(_filled(block), axis=0), np.float64)


def _filled(block: np.ndarray) -> np.ndarray:
    """Return the block in float64, with 0 in columns of NaN, so that NumPy's nan-functions do not warn."""
    return np.where(np.isnan(block).all(axis=0), 0.0, np.asarray(block, np.float64))
