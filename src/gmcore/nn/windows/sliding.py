"""The elements of an array under windows, as slices of the whole array."""

from functools import reduce
from operator import add

from gmcore.domain import Array
from gmcore.nn.windows.geometry import Windows
from gmcore.ports import Namespace

__all__ = ["elements", "sum_of_elements"]


def elements(x: Array, windows: Windows, xp: Namespace) -> Array:
    """Return the elements under each window, `(batch, *counts, taps, channels)`; padding is 0.

    Args:
        x: `(batch, *sizes, channels)`.
        windows: the windows.
        xp: the namespace.
    """
    padded = xp.pad(x, ((0, 0), *windows.padding, (0, 0))) if any(map(any, windows.padding)) else x
    return xp.stack([padded[windows.at(place)] for place in windows.places], axis=-2)


def sum_of_elements(x: Array, windows: Windows, xp: Namespace) -> Array:
    """Return the transpose of `elements`: at each element, the sum of its values in all windows.

    Args:
        x: `(batch, *counts, taps, channels)`.
        windows: the windows.
        xp: the namespace.

    Returns:
        `(batch, *sizes, channels)`.
    """
    spread = _spread(x, windows, xp)
    # The element `i` is at `place` in the window that starts at `i + before - place * dilation`.
    lengths, reach = spread.shape[1:-2], windows.reach
    axes = list(zip(windows.sizes, lengths, reach, [before for before, _ in windows.padding], strict=True))
    margins = [(max(0, most - 1 - before), max(0, size + before - length)) for size, length, most, before in axes]
    padded = xp.pad(spread, ((0, 0), *margins, (0, 0), (0, 0)))

    def of(number: int, place: tuple[int, ...]) -> Array:
        starts = [
            margin + before - step * apart
            for step, apart, (margin, _), (_, _, _, before) in zip(place, windows.dilation, margins, axes, strict=True)
        ]
        along = [slice(start, start + size) for start, size in zip(starts, windows.sizes, strict=True)]
        return padded[(slice(None), *along, number)]

    return reduce(add, (of(number, place) for number, place in enumerate(windows.places)))


def _spread(x: Array, windows: Windows, xp: Namespace) -> Array:
    """Return the values as far apart as their windows, with zeros between, `(batch, *(counts * strides), …)`."""
    if all(stride == 1 for stride in windows.strides):
        return x
    batch, *_, taps, channels = x.shape
    apart = [size for count in windows.counts for size in (count, 1)]
    between = [pair for stride in windows.strides for pair in ((0, 0), (0, stride - 1))]
    spread = xp.pad(xp.reshape(x, (batch, *apart, taps, channels)), ((0, 0), *between, (0, 0), (0, 0)))
    lengths = (count * stride for count, stride in zip(windows.counts, windows.strides, strict=True))
    return xp.reshape(spread, (batch, *lengths, taps, channels))
