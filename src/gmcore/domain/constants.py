"""A cache of what was derived from constant arrays, such as their copies on a device."""

import weakref
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

import numpy as np

from gmcore.domain.tree import Array

__all__ = ["Constants"]

T = TypeVar("T")


class Constants:
    """Caches values derived from arrays that never change, for the lifetime of each array.

    Args:
        immutable: array types whose instances never change. A NumPy array counts as constant if it is read-only.
    """

    def __init__(self, *immutable: type) -> None:
        self._immutable = immutable
        self._derived: dict[tuple[int, Hashable], object] = {}

    def once(self, array: Array, make: Callable[[Array], T], how: Hashable = None) -> T:
        """Return `make(array)`, from the cache if it was computed before for the same array and the same `how`."""
        if not self.never_changes(array):
            return make(array)
        key = id(array), how
        if key not in self._derived:
            derived = make(array)
            weakref.finalize(array, self._derived.pop, key, None)
            self._derived[key] = derived
        return cast("T", self._derived[key])

    def never_changes(self, array: Array) -> bool:
        """Return whether the array is constant, so that values derived from it are cached."""
        return not array.flags.writeable if isinstance(array, np.ndarray) else isinstance(array, self._immutable)
