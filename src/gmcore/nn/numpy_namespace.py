"""NumPy reference implementation of `Namespace`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gmcore.domain import Array, Shape
from gmcore.nn.numpy_elementwise import NumPyElementwiseNamespace
from gmcore.nn.numpy_random import NumPyRandom
from gmcore.nn.numpy_windows import NumPyWindows
from gmcore.ports.compute.arguments import check_top_k, check_windows
from gmcore.ports.compute.unrolled import unrolled

__all__ = ["NumPyNamespace"]

Axis = int | tuple[int, ...] | None


class NumPyNamespace(NumPyWindows, NumPyElementwiseNamespace):
    """The reference that tests compare with, and the namespace in which layers run on the host.

    It has no transforms: no gradients, no `vmap`.

    Args:
        dtype: `"float32"` or `"float64"`. Float functions are computed in float64 and rounded once.
    """

    def __init__(self, dtype: str = "float64") -> None:
        super().__init__(dtype)
        self.random = NumPyRandom(dtype)

    def zeros(self, shape: Shape, dtype: Any = None) -> Array:
        return np.zeros(shape, dtype or self.float)

    def ones(self, shape: Shape, dtype: Any = None) -> Array:
        return np.ones(shape, dtype or self.float)

    def full(self, shape: Shape, fill_value: Any, dtype: Any = None) -> Array:
        return np.full(shape, fill_value, dtype) if dtype else self._own(np.full(shape, fill_value))

    def arange(self, stop: int) -> Array:
        return np.arange(stop, dtype=self.int32)

    def zeros_like(self, x: Array) -> Array:
        return np.zeros_like(x)

    def ones_like(self, x: Array) -> Array:
        return np.ones_like(x)

    def astype(self, x: Array, dtype: Any) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(x).astype(dtype)

    def sum(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return self._mixed(lambda x: np.sum(x, axis=axis, keepdims=keepdims, dtype=_wide(x)), x)

    def mean(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return self._float(lambda x: _mean(x, axis, keepdims), x)

    def var(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return self._float(lambda x: _mean(np.square(x - _mean(x, axis, keepdims=True)), axis, keepdims), x)

    def max(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return np.max(x, axis=axis, keepdims=keepdims)

    def min(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return np.min(x, axis=axis, keepdims=keepdims)

    def all(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return np.all(x, axis=axis, keepdims=keepdims)

    def any(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return np.any(x, axis=axis, keepdims=keepdims)

    def argmax(self, x: Array, axis: int) -> Array:
        return self._own(np.argmax(x, axis=axis))

    def cumsum(self, x: Array, axis: int) -> Array:
        return self._mixed(lambda x: np.cumsum(x, axis=axis, dtype=_wide(x)), x)

    def sort(self, x: Array, axis: int = -1) -> Array:
        return np.sort(x, axis=axis)

    def argsort(self, x: Array, axis: int = -1) -> Array:
        return self._own(np.argsort(x, axis=axis, kind="stable"))

    def top_k(self, x: Array, k: int, axis: int = -1) -> tuple[Array, Array]:
        size = np.shape(x)[axis]
        check_top_k(k, size)
        # The stable order of the reversed array, reversed: equal values keep their order.
        order = size - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
        first = np.take(order, np.arange(k), axis=axis)
        return np.take_along_axis(x, first, axis), self._own(first)

    def segment_sum(self, x: Array, segments: Array, count: int) -> Array:
        sums = np.zeros((count, *x.shape[1:]), _wide(x))
        known = (segments >= 0) & (segments < count)
        np.add.at(sums, segments[known], x[known])
        return self._own(sums)

    def windows(self, x: Array, starts: Array, length: int) -> Array:
        check_windows(length, len(x))
        return x[np.asarray(starts)[..., None] + np.arange(length)]

    def reshape(self, x: Array, shape: Shape) -> Array:
        return np.reshape(x, shape)

    def permute_dims(self, x: Array, axes: Sequence[int]) -> Array:
        return np.permute_dims(x, tuple(axes))

    def expand_dims(self, x: Array, axis: int) -> Array:
        return np.expand_dims(x, axis)

    def squeeze(self, x: Array, axis: int) -> Array:
        return np.squeeze(x, axis)

    def broadcast_to(self, x: Array, shape: Shape) -> Array:
        return np.broadcast_to(x, shape)

    def flip(self, x: Array, axis: Axis = None) -> Array:
        return np.flip(x, axis)

    def roll(self, x: Array, shift: int | tuple[int, ...], axis: Axis = None) -> Array:
        return np.roll(x, shift, axis)

    def tril(self, x: Array, k: int = 0) -> Array:
        return np.tril(x, k)

    def triu(self, x: Array, k: int = 0) -> Array:
        return np.triu(x, k)

    def concat(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        return np.concat(list(arrays), axis=axis)

    def stack(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        return np.stack(list(arrays), axis=axis)

    def matmul(self, x: Array, y: Array) -> Array:
        return self._float(np.matmul, x, y)

    def einsum(self, subscripts: str, *operands: Array) -> Array:
        return self._float(lambda *operands: np.einsum(subscripts, *operands), *operands)

    def take(self, x: Array, indices: Array, axis: int) -> Array:
        return np.take(x, indices, axis=axis)

    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array:
        return np.take_along_axis(x, np.asarray(indices, np.int64), axis)

    def logsumexp(self, x: Array, axis: int, keepdims: bool = False) -> Array:
        total = self._float(lambda x: np.logaddexp.reduce(x, axis=axis, keepdims=True), x)
        return total if keepdims else np.squeeze(total, axis)

    def softmax(self, x: Array, axis: int = -1) -> Array:
        return self._float(lambda x: np.exp(_log_softmax(x, axis)), x)

    def log_softmax(self, x: Array, axis: int = -1) -> Array:
        return self._float(lambda x: _log_softmax(x, axis), x)

    def one_hot(self, indices: Array, classes: int) -> Array:
        return np.asarray(np.asarray(indices)[..., None] == np.arange(classes), self.float)

    def stop_gradient(self, x: Array) -> Array:
        return x

    def scan(
        self, fn: Callable[[Array, Array], tuple[Array, Array]], carry: Array, xs: Array, *, reverse: bool = False
    ) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            return unrolled(fn, carry, xs, reverse=reverse, slices=_slices, stack=np.stack, zeros=np.zeros)


def _slices(x: Array) -> Sequence[Array]:
    return [x[place, ...] for place in range(len(x))]


def _wide(x: Array) -> Any:
    """Return the dtype in which `x` is summed, before rounding to its own."""
    return np.float64 if np.asarray(x).dtype.kind == "f" else np.int64


def _mean(x: Array, axis: Axis, keepdims: bool) -> Array:
    total = np.sum(x, axis=axis, keepdims=keepdims)
    return total / (x.size / max(total.size, 1)) if x.size else total / np.float64(0)


def _log_softmax(x: Array, axis: int) -> Array:
    below = x - np.max(x, axis=axis, keepdims=True)
    return below - np.logaddexp.reduce(below, axis=axis, keepdims=True)
