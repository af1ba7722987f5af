"""Keyed random numbers: raw bits, and the port `Random`."""

import math
from types import ModuleType

import attrs
import mlx.core as mx

from gmcore.domain import Array
from gmcore.ports import Random

__all__ = ["KeyedRandom", "bits"]

_MASK = 0xFFFFFFFFFFFFFFFF


def bits(key: Array, shape: tuple[int, ...]) -> Array:
    """Return uint32 draws with 32 random bits each (Threefry); MLX gives access to them only through `split`."""
    count = math.prod(shape)
    # No shifts here, and no ^: MLX's vmap gets them wrong.
    return mx.random.split(key, max(1, -(-count // 2))).reshape(-1)[:count].reshape(shape)


@attrs.frozen
class KeyedRandom(Random):
    """Random numbers as a function of a key, in the dtype of `functions` (`native` or `exact`)."""

    functions: ModuleType

    def fold_in(self, key: Array, data: int) -> Array:
        mixed = _mix(data)
        other = mx.array([mixed >> 32, mixed & 0xFFFFFFFF], dtype=mx.uint32)
        return mx.random.split(key + other, 1)[0]

    def uniform(self, key: Array, shape: tuple[int, ...]) -> Array:
        return self.functions.uniform(key, shape)

    def normal(self, key: Array, shape: tuple[int, ...]) -> Array:
        return self.functions.normal(key, shape)


def _mix(data: int) -> int:
    """Return SplitMix64 of an integer, so that consecutive integers give unrelated keys."""
    mixed = (data + 1) * 0x9E3779B97F4A7C15 & _MASK
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
    return mixed ^ mixed >> 31
