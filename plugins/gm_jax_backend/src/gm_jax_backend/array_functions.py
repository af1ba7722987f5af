"""Functions of the port `Namespace` that JAX has with other semantics, or not at all."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from gmcore.domain import Array
from gmcore.ports.compute.arguments import check_carry, check_top_k, check_windows, number_of_steps

__all__ = ["clip", "scan", "segment_sum", "top_k", "windows"]


def clip(x: Array, min: Array = None, max: Array = None) -> Array:
    """Return `minimum(maximum(x, min), max)`; `jnp.clip` has the gradient 0.5 for a number on a bound."""
    if min is not None:
        x = jnp.where((x >= min) | jnp.isnan(x), x, min)
    return x if max is None else jnp.where((x <= max) | jnp.isnan(x), x, max)


def top_k(x: Array, k: int, axis: int = -1) -> tuple[Array, Array]:
    """Return the largest values and their indices; `lax.top_k` tells 0.0 from -0.0, and a NaN's sign."""
    check_top_k(k, x.shape[axis])
    if jnp.issubdtype(x.dtype, jnp.floating):
        ranked = jnp.where(jnp.isnan(x), jnp.nan, jnp.where(x == 0, 0.0, x))
    else:
        ranked = x.astype(jnp.int32) if x.dtype == jnp.bool_ else x
    _, indices = lax.top_k(lax.stop_gradient(ranked), k, axis=axis)
    return jnp.take_along_axis(x, indices, axis), indices


def windows(x: Array, starts: Array, length: int) -> Array:
    """Return windows of a series; XLA gathers them as fast as rows."""
    check_windows(length, x.shape[0])
    return x[starts[..., None] + jnp.arange(length, dtype=jnp.int32)]


def segment_sum(x: Array, segments: Array, count: int) -> Array:
    """Return the sums of segments, added in at least float32: in bfloat16, a sum would stop growing at 256."""
    wide = jnp.promote_types(x.dtype, jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else jnp.int32
    sums = jax.ops.segment_sum(x.astype(wide), segments, count)
    return sums.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else sums


def scan(
    fn: Callable[[Array, Array], tuple[Array, Array]], carry: Array, xs: Array, *, reverse: bool = False
) -> tuple[Array, Array]:
    """Return the result of `lax.scan`, whose own errors name types of JAX."""
    number_of_steps(xs)

    def step(before: Array, x: Array) -> tuple[Array, Array]:
        after, y = fn(before, x)
        check_carry(carry, after)
        return after, y

    return lax.scan(step, carry, xs, reverse=reverse)
