"""Where windows lie on the spatial axes of an array."""

from collections.abc import Iterable, Sequence
from itertools import product

import attrs

__all__ = ["Windows"]

_MOST_AXES = 2

Pair = tuple[int, int]


def _integers(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _pairs(values: Iterable[Sequence[int]]) -> tuple[Pair, ...]:
    return tuple((int(before), int(after)) for before, after in values)


@attrs.frozen(kw_only=True)
class Windows:
    """The windows that slide over the spatial axes of an array; all attributes have one value for each axis.

    Attributes:
        sizes: lengths of the array's spatial axes.
        window: number of elements of a window.
        strides: distance from one window to the next.
        padding: number of elements added before the first and after the last element of the axis.
        dilation: distance between two neighbouring elements of a window.

    Raises:
        ValueError: if the numbers do not fit each other, or no window fits the array.
    """

    sizes: tuple[int, ...] = attrs.field(converter=_integers)
    window: tuple[int, ...] = attrs.field(converter=_integers)
    strides: tuple[int, ...] = attrs.field(converter=_integers)
    padding: tuple[Pair, ...] = attrs.field(converter=_pairs)
    dilation: tuple[int, ...] = attrs.field(converter=_integers)

    @dilation.default
    def _undilated(self) -> tuple[int, ...]:
        return (1,) * len(self.sizes)

    def __attrs_post_init__(self) -> None:
        axes = len(self.sizes)
        if not 1 <= axes <= _MOST_AXES:
            raise ValueError(f"an array for windows must have 1 or {_MOST_AXES} spatial axes, got {axes}")
        for name in ("window", "strides", "padding", "dilation"):
            values = getattr(self, name)
            if len(values) != axes:
                raise ValueError(f"{name} must have one value for each of {axes} spatial axes, got {values}")
            smallest = 0 if name == "padding" else 1
            if any(number < smallest for value in values for number in _flat(value)):
                raise ValueError(f"{name} must not have values below {smallest}, got {values}")
        for size, reach, (before, after) in zip(self.sizes, self.reach, self.padding, strict=True):
            if reach > before + size + after:
                raise ValueError(
                    f"a window that covers {reach} elements doesn't fit an axis of {size} elements with padding of "
                    f"{before} and {after}"
                )

    @property
    def reach(self) -> tuple[int, ...]:
        """Number of elements from the first to the last one of a window."""
        return tuple(apart * (count - 1) + 1 for count, apart in zip(self.window, self.dilation, strict=True))

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of windows along each axis."""
        axes = zip(self.sizes, self.reach, self.strides, self.padding, strict=True)
        return tuple((size + sum(padding) - reach) // stride + 1 for size, reach, stride, padding in axes)

    @property
    def places(self) -> list[tuple[int, ...]]:
        """The places in a window, the last axis moving fastest."""
        return list(product(*map(range, self.window)))

    def at(self, place: tuple[int, ...]) -> tuple[slice, ...]:
        """Return the index of the elements at one place of all windows, in a padded array `(batch, *sizes, …)`."""
        axes = zip(place, self.dilation, self.counts, self.strides, strict=True)
        starts = [(number * apart, count, stride) for number, apart, count, stride in axes]
        return slice(None), *(slice(start, start + (count - 1) * stride + 1, stride) for start, count, stride in starts)


def _flat(value: int | Pair) -> Pair | tuple[int]:
    return value if isinstance(value, tuple) else (value,)
