"""Pooling as maxima and sums of slices, whose gradient is the same on every backend."""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

from gmcore.domain import Array
from gmcore.nn.windows.geometry import Pair, Windows
from gmcore.ports import Namespace

__all__ = ["avg_pool", "max_pool", "pooling_windows"]

# A longer window is put together from parts of 1, 2, 4, … elements.
_MOST_SLICES = 16

Merge = Callable[[Array, Array], Array]


def max_pool(
    x: Array, window: Sequence[int], *, strides: Sequence[int], padding: Sequence[Pair], xp: Namespace
) -> Array:
    """Return the maximum of each window; see `Namespace.max_pool`."""
    windows = pooling_windows(x.shape, window, strides, padding)

    def first_maximum(first: Array, second: Array) -> Array:
        return xp.where((second > first) | xp.isnan(second), second, first)

    return _merged(_padded(x, windows, -math.inf, xp), windows, first_maximum)


def avg_pool(
    x: Array,
    window: Sequence[int],
    *,
    strides: Sequence[int],
    padding: Sequence[Pair],
    include_padding: bool,
    xp: Namespace,
) -> Array:
    """Return the mean of each window; see `Namespace.avg_pool`."""
    windows = pooling_windows(x.shape, window, strides, padding)

    def sums(wide: Array) -> Array:
        return _merged(_padded(wide, windows, 0.0, xp), windows, add)

    counts = math.prod(windows.window) if include_padding else sums(xp.ones((1, *windows.sizes, 1)))
    return xp.astype(sums(xp.astype(x, xp.float)) / counts, x.dtype)


def pooling_windows(
    shape: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: Sequence[Pair]
) -> Windows:
    """Return the windows for inputs of a shape, `(batch, *sizes, channels)`.

    Raises:
        ValueError: if no window fits, or a window could lie in the padding alone.
    """
    windows = Windows(sizes=shape[1:-1], window=window, strides=strides, padding=padding)
    if any(max(pair) >= size for pair, size in zip(windows.padding, windows.window, strict=True)):
        raise ValueError(f"padding must be shorter than the window {windows.window}, got {windows.padding}")
    return windows


def _padded(x: Array, windows: Windows, value: float, xp: Namespace) -> Array:
    if not any(map(any, windows.padding)):
        return x
    return xp.pad(x, ((0, 0), *windows.padding, (0, 0)), value=value)


def _merged(x: Array, windows: Windows, merge: Merge) -> Array:
    """Return the elements of each window merged in order: along the last axis first."""
    for place in reversed(range(len(windows.sizes))):
        count, stride = windows.counts[place], windows.strides[place]
        x = _merged_along(x, place + 1, windows.window[place], count, stride, merge)
    return x


def _merged_along(x: Array, axis: int, length: int, count: int, stride: int, merge: Merge) -> Array:
    def slices(x: Array, start: int) -> Array:
        return _cut(x, axis, slice(start, start + (count - 1) * stride + 1, stride))

    if length <= _MOST_SLICES:
        return reduce(merge, (slices(x, start) for start in range(length)))
    parts, start = [], 0
    for power in range(length.bit_length()):
        reach = 1 << power
        if length & reach:
            parts.append(slices(x, start))
            start += reach
        if length >= 2 * reach:
            x = merge(_cut(x, axis, slice(None, -reach)), _cut(x, axis, slice(reach, None)))
    return reduce(merge, parts)


def _cut(x: Array, axis: int, along: slice) -> Array:
    return x[(*(slice(None),) * axis, along)]
