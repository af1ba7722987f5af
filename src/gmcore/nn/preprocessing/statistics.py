"""Statistics of columns over blocks of rows, without NaN."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from gmcore.nn.layers.blocks import Blocks

__all__ = ["means", "means_and_variances", "medians"]

_NUMBERS = 1 << 22


def means(blocks: Iterable[np.ndarray]) -> np.ndarray | None:
    """Return each column's mean without NaN, float64, 0 where there is nothing but NaN; None if there are no rows."""
    moments = _merged(blocks, _mean)
    return None if moments is None else moments[1]


def means_and_variances(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return each column's count, mean and population variance (ddof 0), float64, without NaN.

    Blocks are merged by the pairwise update of Chan, Golub and LeVeque (1979). There is nothing to return if there
    are no rows.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # numbers too large to be squared vary by infinity
        return _merged(blocks, _mean_and_variance)


def medians(blocks: Iterable[np.ndarray]) -> np.ndarray | None:
    """Return each column's median without NaN, 0 where there is nothing but NaN; None if there are no rows.

    All rows of as many columns as fit into a block are looked at together, of one at least.
    """
    count: int = 0
    shape: tuple[int, ...] = ()
    for block in blocks:
        count, shape = count + len(block), block.shape[1:]
    if not count:
        return None
    flat = Blocks(lambda: (block.reshape(len(block), math.prod(shape)) for block in blocks))
    step = max(1, _NUMBERS // count)
    # Copied, since a part of a block would keep all of it.
    found = [
        _median(np.concatenate([block[:, place : place + step].copy() for block in flat]))
        for place in range(0, math.prod(shape), step)
    ]
    return np.concatenate(found).reshape(shape)


Moments = tuple[np.ndarray, np.ndarray, np.ndarray]


def _merged(blocks: Iterable[np.ndarray], moments: Callable[[np.ndarray], Moments]) -> Moments | None:
    merged = None
    for block in blocks:
        if len(block):
            merged = _merge(merged, moments(block)) if merged else moments(block)
    return merged


def _merge(one: Moments, other: Moments) -> Moments:
    (count, mean, variance), (more, its_mean, its_variance) = one, other
    total = np.maximum(count + more, 1.0)
    share, apart = more / total, its_mean - mean
    spread = (1 - share) * variance + share * its_variance + share * (1 - share) * np.square(apart)
    return count + more, mean + share * apart, spread


def _mean(block: np.ndarray) -> Moments:
    missing = np.isnan(block)
    # Without a single NaN it takes a tenth of the time.
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
    """Return the block in float64, 0 in columns that have nothing but NaN."""
    return np.where(np.isnan(block).all(axis=0), 0.0, np.asarray(block, np.float64))
