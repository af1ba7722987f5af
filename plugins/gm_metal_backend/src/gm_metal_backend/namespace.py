"""The port `Namespace`, implemented with MLX."""

import math
from collections.abc import Callable, Sequence
from types import ModuleType

import attrs
import mlx.core as mx
import numpy as np

from gm_metal_backend import elementwise, exact, native
from gm_metal_backend.products import Products
from gm_metal_backend.random import KeyedRandom
from gmcore.domain import Array
from gmcore.ports import Namespace, Random

__all__ = ["MLXNamespace"]

Shape = tuple[int, ...]
Axis = int | tuple[int, ...] | None
Flag = bool  # in the class, `bool` and `float` are dtypes
Number = bool | int | float


@attrs.frozen(eq=False)
class MLXNamespace(Namespace):
    """The port's functions in one float dtype.

    Attributes:
        float: `mx.float32` or `mx.float64`.
        compute: `float`, `mx.bfloat16` or `mx.float16`.
        functions: the float functions for this dtype: the module `native` or `exact`.
        widened: whether narrow matrices are multiplied as float and the product is rounded. The numbers are those of
            MLX's own product, which has no BLAS for narrow dtypes on the CPU and takes 30 times as long.
        products: records the size of each matrix product.
        truncates: whether MLX may truncate the quotient of whole numbers, as on CUDA.
    """

    float: mx.Dtype
    compute: mx.Dtype
    functions: ModuleType
    widened: Flag
    products: Products
    truncates: Flag = False
    int32: mx.Dtype = mx.int32
    uint32: mx.Dtype = mx.uint32
    bool: mx.Dtype = mx.bool_
    random: Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "random", KeyedRandom(self.functions))

    @classmethod
    def of(cls, dtype: str, compute: str, products: Products, *, cpu: Flag) -> "MLXNamespace":
        """Return the namespace for a float dtype (`"float32"` or `"float64"`) and a dtype of matrix products."""
        functions = exact if dtype == "float64" else native
        return cls(getattr(mx, dtype), getattr(mx, compute), functions, cpu and compute != dtype, products, not cpu)

    def zeros(self, shape: Shape, dtype: object = None) -> Array:
        return mx.zeros(shape, dtype=dtype or self.float)  # type: ignore[arg-type]

    def ones(self, shape: Shape, dtype: object = None) -> Array:
        return mx.ones(shape, dtype=dtype or self.float)  # type: ignore[arg-type]

    def full(self, shape: Shape, fill_value: Number, dtype: object = None) -> Array:
        return mx.full(shape, self._number(fill_value), dtype=dtype)  # type: ignore[arg-type]

    def arange(self, stop: int) -> Array:
        # Made on the host, it is a constant of a compiled program; mx.arange would be computed in each call.
        return mx.array(np.arange(stop, dtype=np.int32))

    def zeros_like(self, x: Array) -> Array:
        return mx.zeros_like(x)

    def ones_like(self, x: Array) -> Array:
        return mx.ones_like(x)

    def astype(self, x: Array, dtype: object) -> Array:
        return x.astype(dtype)

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

    def where(self, condition: Array, x: Array, y: Array) -> Array:
        floats = isinstance(x, mx.array) and mx.issubdtype(x.dtype, mx.floating)
        if floats and isinstance(y, float) and y == 0.0 and condition.ndim:
            return mx.where(condition, x, _zeros(condition, x.dtype))
        return mx.where(condition, self._number(x, y), self._number(y, x))

    def isnan(self, x: Array) -> Array:
        return mx.isnan(x)

    def isfinite(self, x: Array) -> Array:
        return mx.isfinite(x)

    def sum(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        return _reduce(mx.sum, x, axis, keepdims, empty=0.0)

    def mean(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        return _reduce(mx.mean, self._floats(x), axis, keepdims, empty=math.nan)

    def var(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        return _reduce(mx.var, self._floats(x), axis, keepdims, empty=math.nan)

    def max(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        return mx.max(x, axis=axis, keepdims=keepdims)

    def min(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        return mx.min(x, axis=axis, keepdims=keepdims)

    def all(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        return _reduce(mx.all, x, axis, keepdims, empty=1.0)

    def any(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        return _reduce(mx.any, x, axis, keepdims, empty=0.0)

    def argmax(self, x: Array, axis: int) -> Array:
        return mx.argmax(x, axis=axis).astype(mx.int32)

    def cumsum(self, x: Array, axis: int) -> Array:
        return mx.cumsum(x, axis=axis)

    def sort(self, x: Array, axis: int = -1) -> Array:
        return mx.sort(x, axis=axis)

    def argsort(self, x: Array, axis: int = -1) -> Array:
        return mx.argsort(x, axis=axis).astype(mx.int32)

    def reshape(self, x: Array, shape: Shape) -> Array:
        return mx.reshape(x, shape)

    def permute_dims(self, x: Array, axes: Sequence[int]) -> Array:
        return mx.transpose(x, axes)

    def expand_dims(self, x: Array, axis: int) -> Array:
        return mx.expand_dims(x, axis)

    def squeeze(self, x: Array, axis: int) -> Array:
        return mx.squeeze(x, axis)

    def broadcast_to(self, x: Array, shape: Shape) -> Array:
        return mx.broadcast_to(x, shape)

    def concat(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        return mx.concatenate(list(arrays), axis=axis)

    def stack(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        return mx.stack(list(arrays), axis=axis)

    def matmul(self, x: Array, y: Array) -> Array:
        x, y = self._floats(x), self._floats(y)
        self.products.see(x, y)
        if self.widened and x.dtype == y.dtype == self.compute:
            return mx.matmul(x.astype(self.float), y.astype(self.float)).astype(self.compute)
        return mx.matmul(x, y)

    def take(self, x: Array, indices: Array, axis: int) -> Array:
        return mx.take(x, indices, axis=axis)

    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array:
        return mx.take_along_axis(x, indices, axis=axis)

    def relu(self, x: Array) -> Array:
        return elementwise.relu(self._floats(x))

    def sigmoid(self, x: Array) -> Array:
        return self.functions.sigmoid(self._floats(x))

    def softplus(self, x: Array) -> Array:
        return self.functions.softplus(self._floats(x))

    def logsumexp(self, x: Array, axis: int, keepdims: Flag = False) -> Array:
        return self.functions.logsumexp(x, axis=axis, keepdims=keepdims)

    def softmax(self, x: Array, axis: int = -1) -> Array:
        return self.functions.softmax(x, axis=axis)

    def log_softmax(self, x: Array, axis: int = -1) -> Array:
        return self.functions.log_softmax(x, axis=axis)

    def one_hot(self, indices: Array, classes: int) -> Array:
        return (indices[..., None] == self.arange(classes)).astype(self.float)

    def stop_gradient(self, x: Array) -> Array:
        return mx.stop_gradient(x)

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


def _reduce(fn: Callable[..., Array], x: Array, axis: Axis, keepdims: bool, *, empty: float) -> Array:
    """Return `fn` over axes, and `empty` for an array without elements, on which MLX's CPU code may loop forever."""
    if x.size:
        return fn(x, axis=axis, keepdims=keepdims)
    shape = np.empty(x.shape).sum(axis=axis, keepdims=keepdims).shape
    return mx.full(shape, empty, dtype=x.dtype)
