"""Functions of single numbers, taken by MLX's `vmap` as they are."""

from collections.abc import Callable

import mlx.core as mx

from gmcore.domain import Array

__all__ = ["relu", "with_gradient"]


def with_gradient(derivative: Callable[[Array], Array]) -> Callable[[Callable[[Array], Array]], Callable[..., Array]]:
    """Return a decorator that gives an elementwise function its derivative, and `vmap` the same function."""

    def decorate(value: Callable[[Array], Array]) -> Callable[..., Array]:
        fn: Callable[..., Array] = mx.custom_function(value)
        fn.vjp(lambda x, cotangent, _: cotangent * derivative(x))  # type: ignore[attr-defined]
        # Without a rule of its own, vmap takes the function apart and forgets the derivative.
        fn.vmap(lambda x, axis: (fn(x), axis))  # type: ignore[attr-defined]
        return fn

    return decorate


@with_gradient(lambda x: (x > 0).astype(x.dtype))
def relu(x: Array) -> Array:
    """Return the larger of a number and 0: under `vmap` its 0 would be two operations for each step."""
    return mx.maximum(x, 0)
