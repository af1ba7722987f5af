"""The port `Namespace`: the functions that MLX has, by their names in the port."""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NoReturn

import attrs
import mlx.core as mx
import numpy as np

from gm_metal_backend.namespace import array_functions, exact, native
from gm_metal_backend.namespace.convolution import convolution
from gm_metal_backend.namespace.elementwise_namespace import MLXElementwiseNamespace
from gm_metal_backend.namespace.random import KeyedRandom
from gm_metal_backend.products import Products
from gmcore.domain import Array
from gmcore.nn.windows import Bilinear, Convolution, WindowFunctions, check_padding
from gmcore.ports import Namespace, Random
from gmcore.ports.compute.arguments import check_top_k, check_windows, no_function
from gmcore.ports.compute.unrolled import unrolled

__all__ = ["MLXNamespace"]

Shape = tuple[int, ...]
Axis = int | tuple[int, ...] | None
Flag = bool  # in the class, `bool` and `float` are dtypes
Number = bool | int | float


@attrs.frozen(kw_only=True, eq=False)
class MLXNamespace(WindowFunctions, MLXElementwiseNamespace):
    """The port's functions in one float dtype.

    Attributes:
        widened: whether narrow matrices are multiplied as float and the product is rounded. The numbers are those of
            MLX's own product, which has no BLAS for narrow dtypes on the CPU and takes 30 times as long.
        products: records the size of each matrix product.
        cpu: whether the device is the CPU.
    """

    widened: Flag
    products: Products
    cpu: Flag
    random: Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "random", KeyedRandom(self.functions))

    @classmethod
    def of(cls, dtype: str, compute: str, products: Products, *, cpu: Flag) -> "MLXNamespace":
        """Return the namespace for a float dtype (`"float32"` or `"float64"`) and a dtype of matrix products."""
        functions = exact if dtype == "float64" else native
        return cls(
            float=getattr(mx, dtype),
            compute=getattr(mx, compute),
            functions=functions,
            truncates=not cpu,
            widened=cpu and compute != dtype,
            products=products,
            cpu=cpu,
        )

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what the port does not list: MLX has more functions, some of which it can't vectorise or derive."""
        raise no_function(name)

    @property
    def _xp(self) -> Namespace:
        return self

    def _convolution(self, of: Convolution) -> Bilinear:
        return convolution(of, self, cpu=self.cpu)

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

    def top_k(self, x: Array, k: int, axis: int = -1) -> tuple[Array, Array]:
        check_top_k(k, x.shape[axis])
        indices = array_functions.first_places(x, k, axis)
        return mx.take_along_axis(x, indices, axis=axis), indices

    def segment_sum(self, x: Array, segments: Array, count: int) -> Array:
        floats = mx.issubdtype(x.dtype, mx.floating)
        # In a narrow dtype, a sum would stop growing: at 256 in bfloat16.
        sums = array_functions.segment_sum(x.astype(self.float if floats else mx.int32), segments, count)
        return sums.astype(x.dtype) if floats else sums

    def windows(self, x: Array, starts: Array, length: int) -> Array:
        check_windows(length, x.shape[0])
        return array_functions.windows_of(length)(x, starts)

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

    def flip(self, x: Array, axis: Axis = None) -> Array:
        return mx.flip(x, axis)

    def roll(self, x: Array, shift: int | tuple[int, ...], axis: Axis = None) -> Array:
        return mx.roll(x, shift, axis)  # type: ignore[arg-type]

    def tril(self, x: Array, k: int = 0) -> Array:
        return mx.tril(x, k)

    def triu(self, x: Array, k: int = 0) -> Array:
        return mx.triu(x, k)

    def concat(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        return mx.concatenate(list(arrays), axis=axis)

    def pad(
        self,
        x: Array,
        widths: Sequence[tuple[int, int]],
        mode: Literal["constant", "reflect", "edge"] = "constant",
        value: Number = 0.0,
    ) -> Array:
        check_padding(x.shape, widths, mode)
        return mx.pad(x, list(widths), mode, constant_values=mx.array(value, x.dtype))

    def stack(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        return mx.stack(list(arrays), axis=axis)

    def matmul(self, x: Array, y: Array) -> Array:
        x, y = self._floats(x), self._floats(y)
        self.products.see(x, y)
        if self.widened and x.dtype == y.dtype == self.compute:
            return mx.matmul(x.astype(self.float), y.astype(self.float)).astype(self.compute)
        return mx.matmul(x, y)

    def einsum(self, subscripts: str, *operands: Array) -> Array:
        floats: list[Array] = [array_functions.row_major(self._floats(one)) for one in operands]
        self.products.see_einsum(subscripts, floats)
        if self.widened and all(one.dtype == self.compute for one in floats):
            wide: Array = array_functions.row_major(mx.einsum(subscripts, *(one.astype(self.float) for one in floats)))
            return wide.astype(self.compute)
        return array_functions.row_major(mx.einsum(subscripts, *floats))

    def take(self, x: Array, indices: Array, axis: int) -> Array:
        return mx.take(x, indices, axis=axis)

    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array:
        return mx.take_along_axis(x, indices, axis=axis)

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

    def scan(
        self, fn: Callable[[Array, Array], tuple[Array, Array]], carry: Array, xs: Array, *, reverse: Flag = False
    ) -> tuple[Array, Array]:
        """Return the result of an unrolled loop: MLX has none of its own.

        Tracing, time and memory grow linearly with the steps. On two cores, the step of a recurrent network takes a
        millisecond to trace and compile, uncompiled as well as compiled; `g++` compiles some ten kernels once, for any
        number of steps.
        """
        return unrolled(
            fn, carry, xs, reverse=reverse, slices=array_functions.slices, stack=self.stack, zeros=self.zeros
        )


def _reduce(fn: Callable[..., Array], x: Array, axis: Axis, keepdims: bool, *, empty: float) -> Array:
    """Return `fn` over axes, and `empty` for an array without elements, on which MLX's CPU code may loop forever."""
    if x.size:
        return fn(x, axis=axis, keepdims=keepdims)
    shape = np.empty(x.shape).sum(axis=axis, keepdims=keepdims).shape
    return mx.full(shape, empty, dtype=x.dtype)
