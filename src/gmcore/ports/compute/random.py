"""Port: random numbers as a pure function of a key."""

from typing import Protocol

from gmcore.domain import Array

__all__ = ["Random"]

Shape = tuple[int, ...]


class Random(Protocol):
    """Random numbers as a pure function of a key: equal keys give equal draws, and there is no hidden state.

    A key is `(2,)`, uint32. Under `vmap`, each member has its own key.
    """

    def fold_in(self, key: Array, data: int) -> Array:
        """Return a new key derived from `key` and the integer `data`."""

    def uniform(self, key: Array, shape: Shape) -> Array:
        """Return draws from [0, 1) in the backend's float dtype, with every mantissa bit random."""

    def normal(self, key: Array, shape: Shape) -> Array:
        """Return draws from the standard normal distribution in the backend's float dtype."""
