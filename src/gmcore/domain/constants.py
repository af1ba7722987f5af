"""What never changes need not be sent twice."""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Constants"]


class Constants:
    """Remembers what was made of NumPy arrays that are marked read-only, for as long as they live."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def once(self, array: Any, make: Callable[[Any], Any]) -> Any:
        """Return `make(array)`, or what it gave before for the same read-only array."""
        if not isinstance(array, np.ndarray) or array.flags.writeable:
            return make(array)
        key = id(array)
        if key not in self._made:
            made = make(array)
            weakref.finalize(array, self._made.pop, key, None)
            self._made[key] = made
        return self._made[key]
