"""The functions of `Namespace` that slide windows over arrays, for a backend that says how to convolve."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from gmcore.domain import Array
from gmcore.nn.windows import pooling
from gmcore.nn.windows.convolution import Convolution
from gmcore.nn.windows.geometry import Pair
from gmcore.ports import Namespace

__all__ = ["Bilinear", "WindowFunctions"]


class Bilinear(Protocol):
    """A convolution and its two transposes, each linear in both of its arguments."""

    @property
    def outputs(self) -> Callable[[Array, Array], Array]:
        """`outputs(x, kernel)`: the convolution."""

    @property
    def inputs(self) -> Callable[[Array, Array], Array]:
        """`inputs(kernel, outputs)`: the gradient by `x` for a gradient by the outputs."""

    @property
    def kernel(self) -> Callable[[Array, Array], Array]:
        """`kernel(x, outputs)`: the gradient by the kernel for a gradient by the outputs."""


class WindowFunctions(ABC):
    """The functions of `Namespace` of the same names."""

    @property
    @abstractmethod
    def _xp(self) -> Namespace:
        """The namespace itself."""

    @abstractmethod
    def _convolution(self, of: Convolution) -> Bilinear:
        """Return a convolution that has gradients and a rule for the members of a fleet."""

    def conv(
        self,
        x: Array,
        kernel: Array,
        *,
        strides: Sequence[int],
        padding: Sequence[Pair],
        dilation: Sequence[int],
        groups: int,
    ) -> Array:
        """Return what `Namespace.conv` returns."""
        of = Convolution.of(x.shape, kernel.shape, strides=strides, padding=padding, dilation=dilation, groups=groups)
        return self._convolution(of).outputs(*self._same(x, kernel))

    def conv_transpose(
        self,
        x: Array,
        kernel: Array,
        *,
        strides: Sequence[int],
        padding: Sequence[Pair],
        dilation: Sequence[int],
        groups: int,
        output_padding: Sequence[int],
    ) -> Array:
        """Return what `Namespace.conv_transpose` returns."""
        of = Convolution.transposed(
            x.shape, kernel.shape, strides=strides, padding=padding, dilation=dilation, groups=groups,
            output_padding=output_padding,
        )  # fmt: skip
        return self._convolution(of).inputs(*self._same(kernel, x))

    def max_pool(self, x: Array, window: Sequence[int], *, strides: Sequence[int], padding: Sequence[Pair]) -> Array:
        """Return what `Namespace.max_pool` returns."""
        return pooling.max_pool(x, window, strides=strides, padding=padding, xp=self._xp)

    def avg_pool(
        self,
        x: Array,
        window: Sequence[int],
        *,
        strides: Sequence[int],
        padding: Sequence[Pair],
        include_padding: bool = True,
    ) -> Array:
        """Return what `Namespace.avg_pool` returns."""
        return pooling.avg_pool(
            x, window, strides=strides, padding=padding, include_padding=include_padding, xp=self._xp
        )

    def _same(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Return two arrays of one dtype, float if they differ."""
        xp = self._xp
        return (a, b) if a.dtype == b.dtype else (xp.astype(a, xp.float), xp.astype(b, xp.float))
