"""NumPy reference implementation of `Random`."""

from typing import Any

import numpy as np

from gmcore.domain import Array, Shape
from gmcore.ports import Random

__all__ = ["NumPyRandom"]


class NumPyRandom(Random):
    """Keyed random numbers from Philox; their values differ from those of other backends."""

    def __init__(self, dtype: Any) -> None:
        self._dtype = dtype

    def fold_in(self, key: Array, data: int) -> Array:
        entropy = [int(word) for word in (*np.asarray(key), data)]
        return np.random.SeedSequence(entropy).generate_state(2, np.uint32)

    def uniform(self, key: Array, shape: Shape) -> Array:
        return _generator(key).random(shape, self._dtype)

    def normal(self, key: Array, shape: Shape) -> Array:
        return _generator(key).standard_normal(shape, self._dtype)


def _generator(key: Array) -> np.random.Generator:
    high, low = (int(word) for word in np.asarray(key))
    return np.random.Generator(np.random.Philox(key=high << 32 | low))
