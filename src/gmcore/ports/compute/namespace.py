"""Port: the array functions that layers, losses and optimizers call."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar

from gmcore.domain import Array, Shape
from gmcore.ports.compute.random import Random

__all__ = ["Namespace"]

Axis = int | tuple[int, ...] | None
Flag = bool  # in the class, `bool` and `float` are dtypes
Number = bool | int | float
Carry = TypeVar("Carry")
X = TypeVar("X")
Y = TypeVar("Y")
Pairs = Sequence[tuple[int, int]]
"""Two numbers for each axis: before its first element, and after its last."""


class Namespace(Protocol):
    """The array functions that layers, losses and optimizers call.

    Names and semantics are those of the Python array API (2024.12) and NumPy; functions specific to neural networks
    are named as in `jax.nn`. Python numbers mix with arrays and never change an array's dtype. All functions are pure.
    Float functions return the backend's float dtype, or the argument's if that is narrower, accurate to a few units in
    the last place. `axis` may be negative. Arrays support `+ - * / ** @`, comparisons, `& | ~`,
    indexing with integers, slices, `None`, `...` and integer arrays, `.shape`, `.ndim` and `.dtype`.
    """

    float: object
    """The backend's float dtype."""
    compute: object
    """The dtype in which matrices are multiplied: `float` or a narrower one.

    Layers cast the operands to it. Their outputs stay in it until the core casts them back to `float`. Sums over rows,
    parameters, buffers and losses are always `float`.
    """
    int32: object
    uint32: object
    bool: object
    random: Random

    def zeros(self, shape: Shape, dtype: object = None) -> Array: ...
    def ones(self, shape: Shape, dtype: object = None) -> Array: ...
    def full(self, shape: Shape, fill_value: Number, dtype: object = None) -> Array: ...
    def arange(self, stop: int) -> Array:
        """Return `0, 1, …, stop - 1`, int32."""

    def zeros_like(self, x: Array) -> Array: ...
    def ones_like(self, x: Array) -> Array: ...
    def astype(self, x: Array, dtype: object) -> Array: ...

    def abs(self, x: Array) -> Array: ...
    def sign(self, x: Array) -> Array: ...
    def square(self, x: Array) -> Array: ...
    def sqrt(self, x: Array) -> Array: ...
    def exp(self, x: Array) -> Array: ...
    def expm1(self, x: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def log1p(self, x: Array) -> Array: ...
    def sin(self, x: Array) -> Array: ...
    def cos(self, x: Array) -> Array: ...
    def tanh(self, x: Array) -> Array: ...
    def erf(self, x: Array) -> Array: ...
    def floor(self, x: Array) -> Array: ...
    def pow(self, x: Array, y: Array) -> Array: ...
    def floor_divide(self, x: Array, y: Array) -> Array:
        """Return the largest whole number that is not above `x / y`; undefined for integers and `y` of 0."""

    def remainder(self, x: Array, y: Array) -> Array:
        """Return `x - y * floor(x / y)`, which has the sign of `y`; undefined for integers and `y` of 0."""

    def maximum(self, x: Array, y: Array) -> Array: ...
    def minimum(self, x: Array, y: Array) -> Array: ...
    def clip(self, x: Array, min: Array | Number | None = None, max: Array | Number | None = None) -> Array:
        """Return `minimum(maximum(x, min), max)`; the gradient of a number on a bound is 1, as in torch."""

    def logaddexp(self, x: Array, y: Array) -> Array:
        """Return `log(exp(x) + exp(y))` without overflow."""

    def where(self, condition: Array, x: Array, y: Array) -> Array: ...
    def isnan(self, x: Array) -> Array: ...
    def isfinite(self, x: Array) -> Array: ...

    def sum(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def mean(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def var(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        """Return the population variance (ddof 0)."""

    def max(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def min(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def all(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def any(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def argmax(self, x: Array, axis: int) -> Array:
        """Return the index of the first maximum, int32."""

    def cumsum(self, x: Array, axis: int) -> Array: ...
    def sort(self, x: Array, axis: int = -1) -> Array: ...
    def argsort(self, x: Array, axis: int = -1) -> Array: ...
    def top_k(self, x: Array, k: int, axis: int = -1) -> tuple[Array, Array]:
        """Return the `k` largest values along `axis`, largest first, and their indices, int32.

        Equal values are ordered by index, 0.0 equals -0.0, and NaN is larger than any number.

        Raises:
            ValueError: if `k` is negative or larger than the axis.
        """

    def segment_sum(self, x: Array, segments: Array, count: int) -> Array:
        """Return the sum of the slices `x[i]` of each segment `segments[i]`, `(count, *x.shape[1:])`.

        Args:
            x: `(rows, ...)`.
            segments: `(rows,)`, integers in any order. A row whose number is not in `0, …, count - 1` is left out.
            count: the number of segments; a segment without rows has the sum 0.
        """

    def windows(self, x: Array, starts: Array, length: int) -> Array:
        """Return the `length` slices of `x` from each start on, `(*starts.shape, length, *x.shape[1:])`.

        It is `x[starts[..., None] + arange(length)]`, but faster. A library need not vectorise it.

        Raises:
            ValueError: if `length` is not from 1 to the number of steps.
        """

    def reshape(self, x: Array, shape: Shape) -> Array: ...
    def permute_dims(self, x: Array, axes: Sequence[int]) -> Array: ...
    def expand_dims(self, x: Array, axis: int) -> Array: ...
    def squeeze(self, x: Array, axis: int) -> Array: ...
    def broadcast_to(self, x: Array, shape: Shape) -> Array: ...
    def flip(self, x: Array, axis: Axis = None) -> Array:
        """Return `x` in reverse order along `axis`, along all axes for None."""

    def roll(self, x: Array, shift: int | tuple[int, ...], axis: Axis = None) -> Array:
        """Return `x` shifted towards higher indices; what passes the end comes back at the start.

        For tuples, `shift[i]` belongs to `axis[i]`. For `axis=None`, the flattened array is shifted.
        """

    def tril(self, x: Array, k: int = 0) -> Array:
        """Return the matrices `(..., rows, columns)` with 0 above their `k`th diagonal."""

    def triu(self, x: Array, k: int = 0) -> Array:
        """Return the matrices `(..., rows, columns)` with 0 below their `k`th diagonal."""

    def concat(self, arrays: Sequence[Array], axis: int = 0) -> Array: ...
    def stack(self, arrays: Sequence[Array], axis: int = 0) -> Array: ...
    def pad(
        self, x: Array, widths: Pairs, mode: Literal["constant", "reflect", "edge"] = "constant", value: Number = 0.0
    ) -> Array:
        """Return `x` with elements added before and after each axis.

        Args:
            x: an array.
            widths: how many elements are added, for each axis.
            mode: what they are: `value`, the mirror image of the array without its border, or the border.
            value: the added value for `"constant"`.

        Raises:
            ValueError: if a width is negative, or the array is too short to be mirrored.
        """

    def matmul(self, x: Array, y: Array) -> Array: ...
    def einsum(self, subscripts: str, *operands: Array) -> Array:
        """Return a sum of products in Einstein's notation, as `numpy.einsum` does, in a float dtype."""

    def take(self, x: Array, indices: Array, axis: int) -> Array:
        """Return the slices of `x` along `axis` at `indices`, an integer array of any shape."""

    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array: ...

    def conv(
        self,
        x: Array,
        kernel: Array,
        *,
        strides: Sequence[int],
        padding: Pairs,
        dilation: Sequence[int],
        groups: int,
    ) -> Array:
        """Return the convolution of `x` with `kernel` over 1 or 2 spatial axes, `(batch, *counts, channels_out)`.

        As in torch and JAX, it is a cross-correlation: the kernel is not flipped. Channels are on the last axis. It
        is computed in the dtype of the operands, in float if they differ, and rounded once.

        Args:
            x: `(batch, *sizes, channels_in)`.
            kernel: `(*window, channels_in // groups, channels_out)`. The first `channels_out // groups` outputs are
                those of the first group.
            strides: distance from one window to the next, for each spatial axis.
            padding: number of zeros before and after each spatial axis.
            dilation: distance between neighbouring elements of a window, for each spatial axis.
            groups: number of equal groups of channels, each convolved on its own.

        Raises:
            ValueError: if the shapes do not fit, or no window fits the padded array.
        """

    def conv_transpose(
        self,
        x: Array,
        kernel: Array,
        *,
        strides: Sequence[int],
        padding: Pairs,
        dilation: Sequence[int],
        groups: int,
        output_padding: Sequence[int],
    ) -> Array:
        """Return the transpose of `conv` with this kernel and these options, `(batch, *sizes, channels_in)`.

        It is the gradient of `conv` by its inputs, for a gradient `x` by its outputs. The names of the shapes are
        those of `conv`.

        Args:
            x: `(batch, *counts, channels_out)`.
            kernel: `(*window, channels_in // groups, channels_out)`.
            strides: as for `conv`.
            padding: as for `conv`; it shortens the result.
            dilation: as for `conv`.
            groups: as for `conv`.
            output_padding: how much longer than the shortest possible the result is, for each spatial axis; below the
                stride.

        Raises:
            ValueError: if the shapes do not fit.
        """

    def max_pool(self, x: Array, window: Sequence[int], *, strides: Sequence[int], padding: Pairs) -> Array:
        """Return the maximum of each window, `(batch, *counts, channels)`; NaN if the window has one.

        The gradient goes to the first maximum, in the order of the elements in memory.

        Args:
            x: `(batch, *sizes, channels)`, floats, with 1 or 2 spatial axes.
            window: number of elements of a window, for each spatial axis.
            strides: distance from one window to the next, for each spatial axis.
            padding: number of elements added before and after each spatial axis, fewer than the window's; they are
                never the maximum.

        Raises:
            ValueError: if the shapes do not fit.
        """

    def avg_pool(
        self, x: Array, window: Sequence[int], *, strides: Sequence[int], padding: Pairs, include_padding: Flag = True
    ) -> Array:
        """Return the mean of each window, `(batch, *counts, channels)`.

        Args:
            x: `(batch, *sizes, channels)`, floats, with 1 or 2 spatial axes.
            window: as for `max_pool`.
            strides: as for `max_pool`.
            padding: number of zeros added before and after each spatial axis, fewer than the window's elements.
            include_padding: whether the zeros count as elements of a window, as in torch by default.

        Raises:
            ValueError: if the shapes do not fit.
        """

    def relu(self, x: Array) -> Array:
        """Return `max(x, 0)`; its gradient at 0 is 0."""

    def sigmoid(self, x: Array) -> Array: ...
    def softplus(self, x: Array) -> Array:
        """Return `log(1 + exp(x))` without overflow."""

    def logsumexp(self, x: Array, axis: int, keepdims: Flag = False) -> Array: ...
    def softmax(self, x: Array, axis: int = -1) -> Array: ...
    def log_softmax(self, x: Array, axis: int = -1) -> Array: ...
    def one_hot(self, indices: Array, classes: int) -> Array:
        """Return float 0 and 1, `(*indices.shape, classes)`; all 0 for an index out of range."""

    def stop_gradient(self, x: Array) -> Array: ...

    def scan(
        self, fn: Callable[[Carry, X], tuple[Carry, Y]], carry: Carry, xs: X, *, reverse: Flag = False
    ) -> tuple[Carry, Y]:
        """Return `(carry, ys)` after `carry, y = fn(carry, x)` for each `x` along the first axis of `xs`.

        A loop inside a function that is traced, such as a recurrent layer's loop over time; the loop over training
        steps is `Backend.scan`. A library without loops unrolls it, so that programs grow with the number of steps.

        Args:
            fn: a pure function of trees, which may use arrays from outside, such as a layer's parameters.
            carry: a tree; `fn` must return it with the same structure, shapes and dtypes.
            xs: a tree of at least one array, all with the same first axis.
            reverse: whether to start at the last `x`; `ys` is in the order of `xs` all the same.

        Returns:
            The last carry, and the `y` of all steps stacked, or None if `fn` returns None for it. Without any
            steps, the carry as it was given, and arrays with a first axis of 0.

        Raises:
            ValueError: if the arrays in `xs` differ in length or there are none, or if `fn` changes the carry's
                structure, shapes or dtypes.
        """
