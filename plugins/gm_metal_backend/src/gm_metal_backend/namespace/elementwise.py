"""Elementwise functions that keep their own derivative under MLX's `vmap`."""

from collections.abc import Callable

import mlx.core as mx

from gmcore.domain import Array

__all__ = ["floored", "relu", "with_gradient"]


def with_gradient(derivative: Callable[[Array], Array]) -> Callable[[Callable[[Array], Array]], Callable[..., Array]]:
    """Return a decorator that sets an elementwise function's derivative and keeps the function whole under `vmap`."""

    def decorate(value: Callable[[Array], Array]) -> Callable[..., Array]:
        fn: Callable[..., Array] = mx.custom_function(value)
        fn.vjp(lambda x, cotangent, _: cotangent * derivative(x))  # type: ignore[attr-defined]
        # Without a batching rule, vmap decomposes the function and loses the derivative.
        fn.vmap(lambda x, axis: (fn(x), axis))  # type: ignore[attr-defined]
        return fn

    return decorate


@with_gradient(lambda x: (x > 0).astype(x.dtype))
def relu(x: Array) -> Array:
    """Return `max(x, 0)`; decomposed by `vmap`, the constant 0 would cost two operations in each step."""
    return mx.maximum(x, 0)


def floored(quotient: Array, x: Array, y: Array) -> Array:
    """Return the quotient of whole numbers rounded down, from one that is rounded down or towards 0."""
    rest = x - quotient * y
    return quotient - ((rest != 0) & ((rest < 0) != (y < 0))).astype(quotient.dtype)
