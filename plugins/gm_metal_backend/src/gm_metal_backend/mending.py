"""Operators that MLX 0.32's `vmap` gets wrong where one side is the same for all members, mended.

Its rules for `&`, `|` and `^` read past the end of that side, and its rule for `!=` mistakes the axis:
a fleet's masks would be silently wrong. The results are otherwise what they were.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from gmcore.domain import Array

__all__ = ["mend"]


def mend(mx: ModuleType) -> None:
    """Replace the operators in MLX's array class."""
    array = mx.array
    array.__ne__ = _not_equal(mx, array.__eq__)
    for name, logical in (("and", mx.logical_and), ("or", mx.logical_or), ("xor", array.__ne__)):
        mended = _bitwise(mx, getattr(array, f"__{name}__"), logical)
        for prefix in ("", "r", "i"):
            setattr(array, f"__{prefix}{name}__", mended)


def _bitwise(mx: ModuleType, original: Callable[..., Array], logical: Callable[..., Array]) -> Callable[..., Array]:
    def mended(self: Array, other: Any) -> Array:
        if self.dtype == mx.bool_ and (isinstance(other, bool) or getattr(other, "dtype", None) == mx.bool_):
            return logical(self, other)
        # Each side takes the other's members on, by a rule that is right.
        return original(self + other * 0, other + self * 0)

    return mended


def _not_equal(mx: ModuleType, equal: Callable[..., Any]) -> Callable[..., Any]:
    def mended(self: Array, other: Any) -> Any:
        found = equal(self, other)
        return mx.logical_not(found) if isinstance(found, mx.array) else not found

    return mended
