"""Shapes of a convolution and of its transpose."""

import math
from collections.abc import Sequence

import attrs

from gmcore.nn.windows.geometry import Pair, Windows

__all__ = ["Convolution"]

Shape = tuple[int, ...]


@attrs.frozen(kw_only=True)
class Convolution:
    """Shapes of a convolution.

    Attributes:
        batch: number of rows.
        windows: where the kernel is applied.
        channels_in: channels of the inputs.
        channels_out: channels of the outputs.
        groups: number of equal groups into which both kinds of channels are divided, each convolved on its own.
    """

    batch: int
    windows: Windows
    channels_in: int
    channels_out: int
    groups: int

    def __attrs_post_init__(self) -> None:
        if self.groups < 1 or self.channels_in % self.groups or self.channels_out % self.groups:
            raise ValueError(
                f"groups must divide the channels, got {self.groups} groups for {self.channels_in} channels of inputs "
                f"and {self.channels_out} of outputs"
            )

    @classmethod
    def of(
        cls,
        x: Shape,
        kernel: Shape,
        *,
        strides: Sequence[int],
        padding: Sequence[Pair],
        dilation: Sequence[int],
        groups: int,
    ) -> "Convolution":
        """Return the convolution of arrays with these shapes.

        Args:
            x: `(batch, *sizes, channels_in)`.
            kernel: `(*window, channels_in // groups, channels_out)`.
            strides: see `Windows`.
            padding: see `Windows`.
            dilation: see `Windows`.
            groups: number of groups of channels.

        Raises:
            ValueError: if the shapes do not fit.
        """
        if len(kernel) != len(x) or x[-1] != kernel[-2] * groups:
            raise ValueError(
                f"a kernel of shape (*window, channels_in // groups, channels_out) must fit inputs of shape (batch, "
                f"*sizes, channels_in), got {kernel} with {groups} groups for {x}"
            )
        windows = Windows(sizes=x[1:-1], window=kernel[:-2], strides=strides, padding=padding, dilation=dilation)
        return cls(batch=x[0], windows=windows, channels_in=x[-1], channels_out=kernel[-1], groups=groups)

    @classmethod
    def transposed(
        cls,
        x: Shape,
        kernel: Shape,
        *,
        strides: Sequence[int],
        padding: Sequence[Pair],
        dilation: Sequence[int],
        groups: int,
        output_padding: Sequence[int],
    ) -> "Convolution":
        """Return the convolution whose outputs have the shape `x`, and whose inputs are the shortest possible.

        Args:
            x: `(batch, *counts, channels_out)`.
            kernel: `(*window, channels_in // groups, channels_out)`.
            strides: see `Windows`.
            padding: see `Windows`.
            dilation: see `Windows`.
            groups: number of groups of channels.
            output_padding: number of elements by which the inputs are longer, below the stride.

        Raises:
            ValueError: if the shapes do not fit.
        """
        if len(kernel) != len(x) or x[-1] != kernel[-1]:
            raise ValueError(
                f"a kernel of shape (*window, channels_out // groups, channels_in) must fit inputs of shape (batch, "
                f"*sizes, channels_in), got {kernel} for {x}"
            )
        options = {"strides": strides, "padding": padding, "dilation": dilation, "output_padding": output_padding}
        for name, values in options.items():
            if len(values) != len(x) - 2:
                raise ValueError(f"{name} must have one value for each of {len(x) - 2} spatial axes, got {values}")
        axes = list(zip(x[1:-1], kernel[:-2], strides, padding, dilation, output_padding, strict=True))
        sizes = [
            (count - 1) * stride + apart * (window - 1) + 1 - before - after + more
            for count, window, stride, (before, after), apart, more in axes
        ]
        if any(not 0 <= more < stride for _, _, stride, _, _, more in axes) or any(size < 1 for size in sizes):
            raise ValueError(
                f"output_padding must be at least 0 and below the stride, and padding must leave an output, got "
                f"output_padding {tuple(output_padding)}, strides {tuple(strides)} and padding {tuple(padding)}"
            )
        return cls.of(
            (x[0], *sizes, kernel[-2] * groups),
            kernel,
            strides=strides,
            padding=padding,
            dilation=dilation,
            groups=groups,
        )

    @property
    def taps(self) -> int:
        """Number of elements of the kernel's window."""
        return math.prod(self.windows.window)

    @property
    def rows(self) -> int:
        """Number of windows in all rows of the batch."""
        return self.batch * math.prod(self.windows.counts)

    @property
    def columns(self) -> int:
        """Number of columns of the patches of one group: products in one output."""
        return self.taps * self.channels_in // self.groups

    @property
    def outputs(self) -> Shape:
        """Shape of the outputs."""
        return (self.batch, *self.windows.counts, self.channels_out)

    @property
    def kernel(self) -> Shape:
        """Shape of the kernel."""
        return (*self.windows.window, self.channels_in // self.groups, self.channels_out)

    @property
    def inputs(self) -> Shape:
        """Shape of the inputs."""
        return (self.batch, *self.windows.sizes, self.channels_in)
