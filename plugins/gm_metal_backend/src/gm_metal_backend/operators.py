"""Corrected operators for MLX's array class, four of which MLX 0.32's `vmap` gets wrong.

Where one operand is shared by all members, MLX's batching rules for `&`, `|` and `^` read past its end, and the rule
for `!=` confuses the axes, so a fleet's masks would be silently wrong. All other results stay the same.

The correction patches `mx.array` for the whole process. Models and metrics apply these operators to MLX's own arrays,
whose class is written in C++: Python looks an operator up there and nowhere else. A subclass would not help, because
every MLX function returns the base class; a patch held only while `vmap` traces would reach other threads all the same.
"""

from collections.abc import Callable
from types import ModuleType

from gmcore.domain import Array

__all__ = ["correct_operators"]


def correct_operators(mx: ModuleType) -> None:
    """Replace the operators of MLX's array class."""
    array = mx.array
    array.__ne__ = _not_equal(mx, array.__eq__)
    for name, logical in (("and", mx.logical_and), ("or", mx.logical_or), ("xor", array.__ne__)):
        corrected = _bitwise(mx, getattr(array, f"__{name}__"), logical)
        for prefix in ("", "r", "i"):
            setattr(array, f"__{prefix}{name}__", corrected)


def _bitwise(mx: ModuleType, original: Callable[..., Array], logical: Callable[..., Array]) -> Callable[..., Array]:
    def corrected(self: Array, other: Array) -> Array:
        if self.dtype == mx.bool_ and (isinstance(other, bool) or getattr(other, "dtype", None) == mx.bool_):
            return logical(self, other)
        # Adding 0 times the other operand batches both, by a rule that is correct.
        return original(self + other * 0, other + self * 0)

    return corrected


def _not_equal(mx: ModuleType, equal: Callable[..., Array]) -> Callable[..., Array]:
    def corrected(self: Array, other: object) -> Array:
        found = equal(self, other)
        return mx.logical_not(found) if isinstance(found, mx.array) else not found

    return corrected
