"""Convolution over two spatial axes."""

import math
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import ge, in_, instance_of

from gmcore.domain import Array, Shape, Variables
from gmcore.nn.initialization import INITIALIZATIONS, Initialization
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.layers.spatial.options import Pair, both_axes, pair_from, windows_over
from gmcore.nn.settings import whole_number
from gmcore.nn.windows import Windows
from gmcore.ports import Layer, Pass

__all__ = ["Conv2d"]

_ACCEPTED = {"accepts": int | Pair}


def _padding(value: Any) -> Any:
    return value if isinstance(value, str) else both_axes(value)


@attrs.frozen
class Conv2d(Layer):
    """Convolution over height and width; rows are `(height, width, channels)`.

    As in torch, it is a cross-correlation: the kernel is not flipped. The parameters are `kernel`
    `(*kernel_size, channels // groups, out_channels)`, and `bias` `(out_channels,)`.

    Attributes:
        out_channels: channels of the outputs.
        kernel_size: height and width of the kernel; one number for both.
        stride: distance from one application of the kernel to the next.
        padding: number of zeros added on each side of an axis; `"valid"` is 0, and `"same"` keeps height and width.
        dilation: distance between neighbouring elements of the kernel.
        groups: number of equal groups of channels, each convolved on its own.
        bias: whether a bias is added to each output channel.
        initialization: how kernel and bias are drawn; see `gmcore.nn.initialization`.
    """

    out_channels: int = attrs.field(validator=whole_number)
    kernel_size: Pair = attrs.field(converter=both_axes, validator=pair_from(1), metadata=_ACCEPTED)
    stride: Pair = attrs.field(
        default=(1, 1), converter=both_axes, validator=pair_from(1), metadata=_ACCEPTED, kw_only=True
    )
    padding: Literal["valid", "same"] | Pair = attrs.field(
        default="valid", converter=_padding, metadata={"accepts": Literal["valid", "same"] | int | Pair}, kw_only=True
    )
    dilation: Pair = attrs.field(
        default=(1, 1), converter=both_axes, validator=pair_from(1), metadata=_ACCEPTED, kw_only=True
    )
    groups: int = attrs.field(default=1, validator=ge(1), kw_only=True)
    bias: bool = attrs.field(default=True, validator=instance_of(bool), kw_only=True)
    initialization: Initialization = attrs.field(default="torch", validator=in_(INITIALIZATIONS), kw_only=True)

    @padding.validator
    def _check_padding(self, field: "attrs.Attribute[Pair]", value: object) -> None:
        if not isinstance(value, str):
            pair_from(0)(self, field, value)
        elif value not in ("valid", "same"):
            raise ValueError(f"padding of Conv2d must be 'valid', 'same' or whole numbers, got {value!r}")

    def __attrs_post_init__(self) -> None:
        if self.out_channels % self.groups:
            raise ValueError(f"groups of Conv2d must divide its {self.out_channels} out_channels, got {self.groups}")
        if self.padding != "same":
            return
        if self.stride != (1, 1):
            raise ValueError(f"padding 'same' of Conv2d keeps the shape only with a stride of 1, got {self.stride}")
        if any(apart * (size - 1) % 2 for size, apart in zip(self.kernel_size, self.dilation, strict=True)):
            raise ValueError(
                f"padding 'same' of Conv2d keeps the shape only with an odd kernel_size, got {self.kernel_size}"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        windows = self._windows(input_shape)
        if input_shape[-1] % self.groups:
            raise ValueError(
                f"Conv2d needs channels that its {self.groups} groups divide evenly, got rows of shape {input_shape}"
            )
        return (*windows.counts, self.out_channels)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        self.output_shape(input_shape)
        taps, channels = math.prod(self.kernel_size), input_shape[-1] // self.groups
        fan_in, fan_out = taps * channels, taps * self.out_channels // self.groups
        draw, shape = INITIALIZATIONS[self.initialization], (*self.kernel_size, channels, self.out_channels)
        kernel, bias = draw(rng, fan_in, fan_out, shape)
        return Variables({"kernel": kernel, "bias": bias} if self.bias else {"kernel": kernel})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        xp, params = at.xp, variables.params
        outputs = xp.conv(
            xp.astype(inputs, xp.compute),
            xp.astype(params["kernel"], xp.compute),
            strides=self.stride,
            padding=self._windows(inputs.shape[1:]).padding,
            dilation=self.dilation,
            groups=self.groups,
        )
        # As in Dense, the bias stays in `xp.float`.
        return xp.astype(outputs + per_column(params["bias"], outputs), xp.compute) if self.bias else outputs

    def describe(self, input_shape: Shape) -> str:
        rest = attrs.fields_dict(Conv2d).items()
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, field in rest
            if field.kw_only and name != "initialization" and getattr(self, name) != field.default
        ]
        sizes = f"in_channels={input_shape[-1]}, out_channels={self.out_channels}, kernel_size={self.kernel_size}"
        return f"Conv2d({', '.join([sizes, *changed])})"

    def _windows(self, input_shape: Any) -> Windows:
        return windows_over(
            self,
            input_shape,
            window=self.kernel_size,
            strides=self.stride,
            padding=self._zeros(),
            dilation=self.dilation,
        )

    def _zeros(self) -> Pair:
        """Return the number of zeros on each side of height and width."""
        if self.padding == "valid":
            return (0, 0)
        if self.padding != "same":
            return self.padding
        height, width = (apart * (size - 1) // 2 for size, apart in zip(self.kernel_size, self.dilation, strict=True))
        return (height, width)
