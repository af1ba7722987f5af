"""Port: keyed random numbers."""

from typing import Protocol

from gmcore.domain import Array

__all__ = ["Random"]

Shape = tuple[int, ...]


class Random(Protocol):
    """Keyed random numbers: equal keys give equal draws, and nothing is remembered.

    A key is `(2,)`, uint32. Under `vmap` each member has its own.
    """

    def fold_in(self, key: Array, data: int) -> Array:
        """Return another key, a function of `key` and the whole number `data`."""

    def uniform(self, key: Array, shape: Shape) -> Array:
        """Return draws from [0, 1) in the backend's float dtype, with all of its mantissa's bits."""

    def normal(self, key: Array, shape: Shape) -> Array:
        """Return draws of mean 0 and standard deviation 1 in the backend's float dtype."""
