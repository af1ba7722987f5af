"""What never changes need not be sent twice."""

import weakref
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

__all__ = ["Constants"]


class Constants:
    """Remembers what was made of arrays that never change, for as long as they live.

    Args:
        immutable: types of arrays of which none ever changes; NumPy's are taken not to if they are marked read-only.
    """

    def __init__(self, *immutable: type) -> None:
        self._immutable = immutable
        self._made: dict[tuple[int, Hashable], Any] = {}

    def once(self, array: Any, make: Callable[[Any], Any], how: Hashable = None) -> Any:
        """Return `make(array)`, or what it gave before for the same array and the same `how`."""
        if not self.never_changes(array):
            return make(array)
        key = id(array), how
        if key not in self._made:
            made = make(array)
            weakref.finalize(array, self._made.pop, key, None)
            self._made[key] = made
        return self._made[key]

    def never_changes(self, array: Any) -> bool:
        """Return whether what is made of it is remembered."""
        return not array.flags.writeable if isinstance(array, np.ndarray) else isinstance(array, self._immutable)
