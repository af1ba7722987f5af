"""The products of matrices in a program, as far as its threads are concerned."""

from collections.abc import Callable
from typing import TypeVar

import attrs

from gmcore.domain import Array

__all__ = ["Products"]

T = TypeVar("T")


@attrs.define(eq=False)
class Products:
    """How many multiplications the largest product of matrices has that was seen; a member's, under `vmap`."""

    _largest: int = attrs.field(init=False, default=0)

    def see(self, x: Array, y: Array) -> None:
        """Write down `x @ y`."""
        rows = x.shape[-2] if x.ndim > 1 else 1
        columns = y.shape[-1] if y.ndim > 1 else 1
        self._largest = max(self._largest, rows * x.shape[-1] * columns)

    def of(self, trace: Callable[[], T]) -> tuple[T, int]:
        """Return what tracing a program gives, and its largest product's multiplications."""
        outer, self._largest = self._largest, 0
        results, largest = trace(), self._largest
        self._largest = max(outer, largest)
        return results, largest
