"""Initial variables without their memory: arrays of the right shapes and dtypes whose values are all zero.

A layer says how large its variables are by creating them. Drawn from a `SizingGenerator`, a weight of any size is one
number that is broadcast, so that a model can be measured before anything is allocated.
"""

from typing import Any

import numpy as np

__all__ = ["SizingGenerator"]

_SMALL = 1 << 16
_LARGEST = 1 << 59


class SizingGenerator(np.random.Generator):
    """A generator whose large draws take no memory; small ones are drawn as usual.

    Large arrays stay without memory through elementwise functions; other functions create real arrays from them. An
    array that no computer could address is a `MemoryError`.
    """

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        return _hollow(size, dtype) if _is_large(size) else super().random(size, dtype, out)

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        return _hollow(size, dtype) if _is_large(size) else super().standard_normal(size, dtype, out)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return _hollow(size) if _is_large(size) else super().normal(loc, scale, size)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return _hollow(size) if _is_large(size) else super().uniform(low, high, size)

    def integers(
        self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False
    ) -> Any:
        return _hollow(size, dtype) if _is_large(size) else super().integers(low, high, size, dtype, endpoint)


class _Hollow(np.ndarray):
    """One number, broadcast to a shape."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **settings: Any) -> Any:
        if method != "__call__" or ufunc.signature is not None or ufunc.nout != 1:
            plain = tuple(np.asarray(one) for one in inputs)
            return getattr(ufunc, method)(*plain, **settings)
        if out is not None:
            return out[0]
        with np.errstate(all="ignore"):
            sample = ufunc(*(np.zeros((), np.asarray(one).dtype) for one in inputs))
        return _hollow(np.broadcast_shapes(*(np.shape(one) for one in inputs)), sample.dtype)

    def __setitem__(self, place: Any, value: Any) -> None:
        """Ignore the value, as all others."""

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Any:
        return _hollow(self.shape, dtype)

    def copy(self, *_: Any) -> Any:
        return self


def _is_large(size: Any) -> bool:
    # Not NumPy's product, which overflows.
    return size is not None and _count(size) > _SMALL


def _count(size: Any) -> int:
    count = 1
    for axis in np.atleast_1d(np.asarray(size, object)):
        count *= int(axis)
    return count


def _hollow(size: Any, dtype: Any = np.float64) -> Any:
    if _count(size) > _LARGEST:
        raise MemoryError(f"an array of shape {size} is larger than any memory")
    return np.broadcast_to(np.zeros((), dtype), size).view(_Hollow)
