"""The size of a program's largest matrix product, which decides the number of BLAS threads."""

from collections.abc import Callable
from typing import TypeVar

import attrs

from gmcore.domain import Array

__all__ = ["Products"]

T = TypeVar("T")


@attrs.define(eq=False)
class Products:
    """Number of multiplications in the largest matrix product seen; under `vmap`, in one member's product."""

    _largest: int = attrs.field(init=False, default=0)

    def see(self, x: Array, y: Array) -> None:
        """Record the product `x @ y`."""
        rows = x.shape[-2] if x.ndim > 1 else 1
        columns = y.shape[-1] if y.ndim > 1 else 1
        self._largest = max(self._largest, rows * x.shape[-1] * columns)

    def of(self, trace: Callable[[], T]) -> tuple[T, int]:
        """Return the result of tracing a program, and the multiplications in its largest product."""
        outer, self._largest = self._largest, 0
        results, largest = trace(), self._largest
        self._largest = max(outer, largest)
        return results, largest
