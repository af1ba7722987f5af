"""Options and checks that the layers with windows share."""

from collections.abc import Callable
from typing import Any

import attrs

from gmcore.domain import Shape
from gmcore.nn.layers.defaults import of_one_array
from gmcore.nn.windows import Windows
from gmcore.ports import Layer

__all__ = ["Pair", "both_axes", "pair_from", "windows_over"]

Pair = tuple[int, int]

_ROW_AXES = 3


def both_axes(value: Any) -> Any:
    """Return one number as a pair for height and width, and a list as a tuple."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


def pair_from(lowest: int) -> Callable[[Layer, "attrs.Attribute[Pair]", object], None]:
    """Return a validator of two whole numbers from `lowest` on."""

    def check(layer: Layer, field: "attrs.Attribute[Pair]", value: object) -> None:
        numbers = value if isinstance(value, tuple) else ()
        whole = all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
        if len(numbers) != 2 or not whole or min(numbers) < lowest:  # noqa: PLR2004 - height and width
            raise ValueError(
                f"{field.name} of {type(layer).__name__} must be a whole number from {lowest} on, or one for height "
                f"and one for width, got {value!r}"
            )

    return check


def windows_over(
    layer: Layer, input_shape: Any, *, window: Pair, strides: Pair, padding: Pair, dilation: Pair
) -> Windows:
    """Return where a layer's windows lie on rows of a shape.

    Raises:
        ValueError: if the rows have no height, width and channels, or are smaller than the window.
    """
    shape: Shape = of_one_array(layer, input_shape)
    name = type(layer).__name__
    if len(shape) != _ROW_AXES:
        raise ValueError(f"{name} needs rows of shape (height, width, channels), got rows of shape {shape}")
    for axis, size, count, apart, more in zip(("height", "width"), shape[:2], window, dilation, padding, strict=True):
        if (reach := apart * (count - 1) + 1) > size + 2 * more:
            raise ValueError(
                f"{name} needs a {axis} of at least {reach - 2 * more} for its kernel, got rows of shape {shape}: "
                f"use a smaller kernel_size or more padding"
            )
    pairs = [(more, more) for more in padding]
    return Windows(sizes=shape[:2], window=window, strides=strides, padding=pairs, dilation=dilation)
