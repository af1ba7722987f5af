"""NumPy reference of the elementwise functions of `Namespace`, and the dtypes of all its results."""

import math
from abc import ABC
from collections.abc import Callable
from typing import Any

import numpy as np

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["NumPyElementwiseNamespace"]

_erf = np.frompyfunc(math.erf, 1, 1)


class NumPyElementwiseNamespace(Namespace, ABC):
    """Functions whose result at one place depends on the operands there.

    Float functions are computed in float64 and rounded once.

    Args:
        dtype: `"float32"` or `"float64"`.
    """

    def __init__(self, dtype: str) -> None:
        self.float = self.compute = np.dtype(dtype)
        self.int32, self.uint32, self.bool = np.dtype(np.int32), np.dtype(np.uint32), np.dtype(np.bool_)

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

    def clip(self, x: Array, min: Any = None, max: Any = None) -> Array:
        return self._mixed(np.clip, x, min, max)

    def logaddexp(self, x: Array, y: Array) -> Array:
        return self._float(np.logaddexp, x, y)

    def where(self, condition: Array, x: Array, y: Array) -> Array:
        return self._mixed(np.where, condition, x, y)

    def isnan(self, x: Array) -> Array:
        return np.isnan(x)

    def isfinite(self, x: Array) -> Array:
        return np.isfinite(x)

    def relu(self, x: Array) -> Array:
        return self._float(lambda x: np.maximum(x, 0), x)

    def sigmoid(self, x: Array) -> Array:
        return self._float(lambda x: np.exp(-np.logaddexp(0, -x)), x)

    def softplus(self, x: Array) -> Array:
        return self._float(lambda x: np.logaddexp(0, x), x)
