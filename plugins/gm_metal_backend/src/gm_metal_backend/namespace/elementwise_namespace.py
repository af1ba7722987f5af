"""The elementwise functions of the port `Namespace`, implemented with MLX."""

from types import ModuleType

import attrs
import mlx.core as mx

from gm_metal_backend.namespace import elementwise
from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["MLXElementwiseNamespace"]

Flag = bool  # in the class, `bool` and `float` are dtypes


@attrs.frozen(kw_only=True, eq=False)
class MLXElementwiseNamespace(Namespace):
    """Functions whose result at one place depends on the operands there, in one float dtype.

    Attributes:
        float: `mx.float32` or `mx.float64`.
        compute: `float`, `mx.bfloat16` or `mx.float16`.
        functions: the float functions for this dtype: the module `native` or `exact`.
        truncates: whether MLX may truncate the quotient of whole numbers, as on CUDA.
    """

    float: mx.Dtype
    compute: mx.Dtype
    functions: ModuleType
    truncates: Flag = False
    int32: mx.Dtype = mx.int32
    uint32: mx.Dtype = mx.uint32
    bool: mx.Dtype = mx.bool_

    def abs(self, x: Array) -> Array:
        return mx.abs(x)

    def sign(self, x: Array) -> Array:
        # MLX's sign of NaN is 0, which would hide it.
        return mx.where(mx.isnan(x), x, mx.sign(x))

    def square(self, x: Array) -> Array:
        return mx.square(x)

    def sqrt(self, x: Array) -> Array:
        return mx.sqrt(self._floats(x))

    def exp(self, x: Array) -> Array:
        return self.functions.exp(self._floats(x))

    def expm1(self, x: Array) -> Array:
        return self.functions.expm1(self._floats(x))

    def log(self, x: Array) -> Array:
        return mx.log(self._floats(x))

    def log1p(self, x: Array) -> Array:
        return mx.log1p(self._floats(x))

    def sin(self, x: Array) -> Array:
        return self.functions.sin(self._floats(x))

    def cos(self, x: Array) -> Array:
        return self.functions.cos(self._floats(x))

    def tanh(self, x: Array) -> Array:
        return mx.tanh(self._floats(x))

    def erf(self, x: Array) -> Array:
        return self.functions.erf(self._floats(x))

    def floor(self, x: Array) -> Array:
        return mx.floor(x)

    def pow(self, x: Array, y: Array) -> Array:
        return mx.power(self._number(x, y), self._number(y, x))

    def floor_divide(self, x: Array, y: Array) -> Array:
        x, y = self._number(x, y), self._number(y, x)
        if not any(mx.issubdtype(one.dtype, mx.floating) for one in (x, y) if isinstance(one, mx.array)):
            quotient = mx.floor_divide(x, y)
            return elementwise.floored(quotient, x, y) if self.truncates else quotient
        # MLX rounds x / y first: 1.0 // 0.1 would be 10, and the quotient of infinity infinite.
        rest = mx.remainder(x, y)
        return mx.where(y == 0, x / y, mx.round((x - rest) / y))

    def remainder(self, x: Array, y: Array) -> Array:
        return mx.remainder(self._number(x, y), self._number(y, x))

    def maximum(self, x: Array, y: Array) -> Array:
        return mx.maximum(self._number(x, y), self._number(y, x))

    def minimum(self, x: Array, y: Array) -> Array:
        return mx.minimum(self._number(x, y), self._number(y, x))

    def clip(self, x: Array, min: Array = None, max: Array = None) -> Array:
        if min is not None:
            x = self.where((x >= min) | mx.isnan(x), x, min)
        return x if max is None else self.where((x <= max) | mx.isnan(x), x, max)

    def logaddexp(self, x: Array, y: Array) -> Array:
        return self.functions.logaddexp(self._number(x, y), self._number(y, x))

    def where(self, condition: Array, x: Array, y: Array) -> Array:
        floats = isinstance(x, mx.array) and mx.issubdtype(x.dtype, mx.floating)
        if floats and isinstance(y, float) and y == 0.0 and condition.ndim:
            return mx.where(condition, x, _zeros(condition, x.dtype))
        return mx.where(condition, self._number(x, y), self._number(y, x))

    def isnan(self, x: Array) -> Array:
        return mx.isnan(x)

    def isfinite(self, x: Array) -> Array:
        return mx.isfinite(x)

    def relu(self, x: Array) -> Array:
        return elementwise.relu(self._floats(x))

    def sigmoid(self, x: Array) -> Array:
        return self.functions.sigmoid(self._floats(x))

    def softplus(self, x: Array) -> Array:
        return self.functions.softplus(self._floats(x))

    def _number(self, x: Array, other: Array = None) -> Array:
        """Return a Python float as an array of the other operand's dtype, or the backend's if that is no float dtype.

        MLX would make it float32. Anything else is returned unchanged.
        """
        if not isinstance(x, float):
            return x
        dtype = getattr(other, "dtype", self.float)
        return mx.array(x, dtype=dtype if mx.issubdtype(dtype, mx.floating) else self.float)

    def _floats(self, x: Array) -> Array:
        """Return integers and booleans in the backend's float dtype, where MLX would choose float32."""
        return x if mx.issubdtype(x.dtype, mx.floating) else x.astype(self.float)


def _zeros(condition: Array, dtype: mx.Dtype) -> Array:
    """Return zeros computed from a condition.

    A constant would be two operations under `vmap`, and would prevent the operation that uses it from being fused.
    """
    return mx.not_equal(condition, condition).astype(dtype)
