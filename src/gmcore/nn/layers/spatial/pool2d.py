"""Pooling over two spatial axes."""

from abc import ABC, abstractmethod
from typing import Any

import attrs
import numpy as np
from attrs.validators import instance_of

from gmcore.domain import Array, Shape, Variables
from gmcore.nn.layers.defaults import describe_by_repr
from gmcore.nn.layers.spatial.options import Pair, both_axes, pair_from, windows_over
from gmcore.nn.windows import Windows
from gmcore.ports import Layer, Namespace, Pass

__all__ = ["AvgPool2d", "MaxPool2d"]

_ACCEPTED = {"accepts": int | Pair}


@attrs.frozen
class _Pool2d(Layer, ABC):
    """Base of layers that make one number of each window and channel."""

    kernel_size: Pair = attrs.field(converter=both_axes, validator=pair_from(1), metadata=_ACCEPTED)
    stride: Pair = attrs.field(converter=both_axes, validator=pair_from(1), metadata=_ACCEPTED, kw_only=True)
    padding: Pair = attrs.field(
        default=(0, 0), converter=both_axes, validator=pair_from(0), metadata=_ACCEPTED, kw_only=True
    )

    describe = describe_by_repr

    @stride.default
    def _next_to_each_other(self) -> Pair:
        return self.kernel_size

    @padding.validator
    def _check_padding(self, field: "attrs.Attribute[Pair]", value: Pair) -> None:
        if any(zeros >= size for zeros, size in zip(value, self.kernel_size, strict=True)):
            raise ValueError(
                f"padding of {type(self).__name__} must be smaller than the kernel_size {self.kernel_size}, got {value}"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self._windows(input_shape).counts, input_shape[-1])

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        self.output_shape(input_shape)
        return Variables()

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        return self._pooled(inputs, self._windows(inputs.shape[1:]), at.xp)

    @abstractmethod
    def _pooled(self, inputs: Array, windows: Windows, xp: Namespace) -> Array:
        """Return the outputs of all windows."""

    def _windows(self, input_shape: Any) -> Windows:
        return windows_over(
            self, input_shape, window=self.kernel_size, strides=self.stride, padding=self.padding, dilation=(1, 1)
        )


@attrs.frozen
class MaxPool2d(_Pool2d):
    """The maximum of each window; rows are `(height, width, channels)`.

    Of equal elements in a window, the first gets the gradient.

    Attributes:
        kernel_size: height and width of a window; one number for both.
        stride: distance from one window to the next; that of windows next to each other by default.
        padding: number of elements added on each side of an axis, which are never the maximum.
    """

    def _pooled(self, inputs: Array, windows: Windows, xp: Namespace) -> Array:
        return xp.max_pool(inputs, windows.window, strides=windows.strides, padding=windows.padding)


@attrs.frozen
class AvgPool2d(_Pool2d):
    """The mean of each window; rows are `(height, width, channels)`.

    Attributes:
        kernel_size: height and width of a window; one number for both.
        stride: distance from one window to the next; that of windows next to each other by default.
        padding: number of zeros added on each side of an axis.
        include_padding: whether the zeros count as elements of a window.
    """

    include_padding: bool = attrs.field(default=True, validator=instance_of(bool), kw_only=True)

    def _pooled(self, inputs: Array, windows: Windows, xp: Namespace) -> Array:
        return xp.avg_pool(
            inputs,
            windows.window,
            strides=windows.strides,
            padding=windows.padding,
            include_padding=self.include_padding,
        )
