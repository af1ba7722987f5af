"""NumPy reference implementation of `Namespace`."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gmcore.domain import Array
from gmcore.ports import Namespace, Random

__all__ = ["NumPyNamespace", "NumPyRandom"]

Shape = tuple[int, ...]
Axis = int | tuple[int, ...] | None

_erf = np.frompyfunc(math.erf, 1, 1)


class NumPyRandom(Random):
    """Keyed random numbers from Philox; their values differ from those of other backends."""

    def __init__(self, dtype: Any) -> None:
        self._dtype = dtype

    def fold_in(self, key: Array, data: int) -> Array:
        entropy = [int(word) for word in (*np.asarray(key), data)]
        return np.random.SeedSequence(entropy).generate_state(2, np.uint32)

    def uniform(self, key: Array, shape: Shape) -> Array:
        return _generator(key).random(shape, self._dtype)

    def normal(self, key: Array, shape: Shape) -> Array:
        return _generator(key).standard_normal(shape, self._dtype)


class NumPyNamespace(Namespace):
    """The reference that tests compare with, and the namespace in which layers run on the host.

    It has no transforms: no gradients, no `vmap`.

    Args:
        dtype: `"float32"` or `"float64"`. Float functions are computed in float64 and rounded once.
    """

    def __init__(self, dtype: str = "float64") -> None:
        self.float = self.compute = np.dtype(dtype)
        self.int32, self.uint32, self.bool = np.dtype(np.int32), np.dtype(np.uint32), np.dtype(np.bool_)
        self.random = NumPyRandom(dtype)

    def _float(self, fn: Callable[..., Any], *arrays: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(fn(*(np.asarray(x, np.float64) for x in arrays)), self.float)

    def _own(self, x: Any) -> Array:
        """Return `x` in the namespace's dtype of its kind: float, int32, or unchanged."""
        x = np.asarray(x)
        own = {"f": self.float, "i": self.int32}.get(x.dtype.kind, x.dtype)
        with np.errstate(over="ignore"):
            return x.astype(own, copy=False)

    def _mixed(self, fn: Callable[..., Any], *values: Any) -> Array:
        with np.errstate(all="ignore"):
            return self._own(fn(*values))

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

    def abs(self, x: Array) -> Array:
        return np.abs(x)

    def sign(self, x: Array) -> Array:
        return self._mixed(np.sign, x)

    def square(self, x: Array) -> Array:
        return self._mixed(np.square, x)

    def sqrt(self, x: Array) -> Array:
        return self._float(np.sqrt, x)

    def exp(self, x: Array) -> Array:
        return self._float(np.exp, x)

    def expm1(self, x: Array) -> Array:
        return self._float(np.expm1, x)

    def log(self, x: Array) -> Array:
        return self._float(np.log, x)

    def log1p(self, x: Array) -> Array:
        return self._float(np.log1p, x)

    def sin(self, x: Array) -> Array:
        return self._float(np.sin, x)

    def cos(self, x: Array) -> Array:
        return self._float(np.cos, x)

    def tanh(self, x: Array) -> Array:
        return self._float(np.tanh, x)

    def erf(self, x: Array) -> Array:
        return self._float(_erf, x)

    def floor(self, x: Array) -> Array:
        return self._float(np.floor, x)

    def pow(self, x: Array, y: Array) -> Array:
        return self._mixed(np.power, x, y)

    def floor_divide(self, x: Array, y: Array) -> Array:
        return self._mixed(np.floor_divide, x, y)

    def remainder(self, x: Array, y: Array) -> Array:
        return self._mixed(np.remainder, x, y)

    def maximum(self, x: Array, y: Array) -> Array:
        return self._mixed(np.maximum, x, y)

    def minimum(self, x: Array, y: Array) -> Array:
        return self._mixed(np.minimum, x, y)

    def where(self, condition: Array, x: Array, y: Array) -> Array:
        return self._mixed(np.where, condition, x, y)

    def isnan(self, x: Array) -> Array:
        return np.isnan(x)

    def isfinite(self, x: Array) -> Array:
        return np.isfinite(x)

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

    def concat(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        return np.concat(list(arrays), axis=axis)

    def stack(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        return np.stack(list(arrays), axis=axis)

    def matmul(self, x: Array, y: Array) -> Array:
        return self._float(np.matmul, x, y)

    def take(self, x: Array, indices: Array, axis: int) -> Array:
        return np.take(x, indices, axis=axis)

    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array:
        return np.take_along_axis(x, np.asarray(indices, np.int64), axis)

    def relu(self, x: Array) -> Array:
        return self._float(lambda x: np.maximum(x, 0), x)

    def sigmoid(self, x: Array) -> Array:
        return self._float(lambda x: np.exp(-np.logaddexp(0, -x)), x)

    def softplus(self, x: Array) -> Array:
        return self._float(lambda x: np.logaddexp(0, x), x)

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


def _generator(key: Array) -> np.random.Generator:
    high, low = (int(word) for word in np.asarray(key))
    return np.random.Generator(np.random.Philox(key=high << 32 | low))


def _wide(x: Array) -> Any:
    """Return the dtype in which `x` is summed, before rounding to its own."""
    return np.float64 if np.asarray(x).dtype.kind == "f" else np.int64


def _mean(x: Array, axis: Axis, keepdims: bool) -> Array:
    total = np.sum(x, axis=axis, keepdims=keepdims)
    return total / (x.size / max(total.size, 1)) if x.size else total / np.float64(0)


def _log_softmax(x: Array, axis: int) -> Array:
    below = x - np.max(x, axis=axis, keepdims=True)
    return below - np.logaddexp.reduce(below, axis=axis, keepdims=True)
