"""Scans of which only the first steps are computed."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import jaxpr_as_fun

from gmcore.domain import Array

__all__ = ["Step", "scan_of"]

Step = Callable[[Array, Array, Array], tuple[Array, Array]]
Length = int | jax.Array
T = TypeVar("T")


def scan_of(step: Step) -> Callable[[Array, Array, Array, Length | None], tuple[Array, Array]]:
    """Return `scan(carry, xs, shared, length)`, as the port `Backend` defines it, to be compiled.

    `length` is None, a Python integer, which becomes a part of the program, or an int32 scalar, which does not.
    """

    def scan(carry: Array, xs: Array, shared: Array, length: Length | None) -> tuple[Array, Array]:
        if length is None:
            return lax.scan(lambda carry, x: step(carry, x, shared), carry, xs)
        return _first_steps(step, carry, xs, shared, length)

    return scan


def _first_steps(step: Step, carry: Array, xs: Array, shared: Array, length: Length) -> tuple[Array, Array]:
    """Return `(carry, ys)` after `length` steps; `ys` is as long as `xs`, and zero after these steps."""
    most = len(jax.tree.leaves(xs)[0])
    # The loop needs the shapes of `y` before it begins. Traced only once, because that takes long.
    traced, shapes = jax.make_jaxpr(step, return_shape=True)(carry, _at(xs, 0), shared)
    tree, flat = jax.tree.structure(shapes), jaxpr_as_fun(traced)

    def advance(place: Array, so_far: tuple[Array, Array]) -> tuple[Array, Array]:
        carry, ys = so_far
        carry, y = jax.tree.unflatten(tree, flat(*jax.tree.leaves((carry, _at(xs, place), shared))))
        return carry, jax.tree.map(lambda known, new: _with(known, new, place), ys, y)

    ys = jax.tree.map(lambda y: jnp.zeros((most, *y.shape), y.dtype), shapes[1])
    count = min(length, most) if isinstance(length, int) else lax.min(length, jnp.int32(most))
    return lax.fori_loop(0, count, advance, (carry, ys))  # type: ignore[no-any-return]


def _at(xs: T, place: Array | int) -> T:
    """Return `xs[place]`; a place from the end, which JAX would check for, does not occur."""
    at = lambda leaf: lax.dynamic_index_in_dim(leaf, place, keepdims=False, allow_negative_indices=False)
    return jax.tree.map(at, xs)  # type: ignore[no-any-return]


def _with(known: Array, new: Array, place: Array) -> Array:
    return lax.dynamic_update_index_in_dim(known, new, place, 0, allow_negative_indices=False)
