"""Functions of the port `Namespace` that MLX lacks, or that its `vmap` gets wrong."""

import functools
import math
from collections.abc import Callable, Sequence

import mlx.core as mx

from gmcore.domain import Array

__all__ = ["first_places", "row_major", "segment_sum", "slices", "windows_of"]

_PARTS = 10  # MLX's `split` into more is one slice for each


def first_places(x: Array, k: int, axis: int) -> Array:
    """Return the indices of the `k` largest values, largest first and equal ones by index, int32.

    The order is that of a stable sort of the reversed array, reversed: so equal values keep their order, NaN comes
    first, and no number is negated, which integers can't all be.
    """
    size = x.shape[axis]
    order = mx.argsort(mx.stop_gradient(mx.flip(x, axis)), axis=axis).astype(mx.int32)
    return mx.take(size - 1 - mx.flip(order, axis), mx.arange(k), axis=axis)


@mx.custom_function
def row_major(x: Array) -> Array:
    """Return `x` with its last axis contiguous in memory, and its gradient as well.

    MLX keeps the order in memory of a transposed matrix through elementwise functions, but of several matrices only if
    there is one member. BLAS adds in another order for another order in memory, so bits would depend on the chunk.
    """
    return mx.contiguous(x)


row_major.vjp(lambda _, cotangent, __: mx.contiguous(cotangent))
row_major.vmap(lambda x, axis: (row_major(x), axis))


def segment_sum(x: Array, segments: Array, count: int) -> Array:
    """Return the sums of segments.

    MLX's scatter checks no index, and its `vmap` of a scatter is wrong where the members' axis is not the first: so
    rows without a segment go to one more segment, and members become segments of their own.
    """
    if not x.size:
        return mx.zeros((count, *x.shape[1:]), dtype=x.dtype)  # MLX's scatter of nothing crashes
    rows = mx.where((segments >= 0) & (segments < count), segments, count).astype(mx.int32)
    return _sums(count + 1)(x, rows)[:count]


@functools.cache
def windows_of(length: int) -> Callable[[Array, Array], Array]:
    """Return `windows(x, starts)`.

    MLX gathers `x[starts[..., None] + arange(length)]` step by step, in three times the time that it takes to copy the
    rows of an array. So windows are rows of an array that overlaps itself in memory.
    """

    def indexed(x: Array, starts: Array) -> Array:
        return x[starts[..., None] + mx.arange(length)]

    @mx.custom_function
    def windows(x: Array, starts: Array) -> Array:
        steps, *rest = x.shape
        within = [math.prod(rest[place + 1 :]) for place in range(len(rest))]
        size = math.prod(rest)
        return mx.as_strided(x, (steps - length + 1, length, *rest), (size, size, *within))[starts]

    def gradients(primals: list[Array], cotangent: Array, _: Array) -> tuple[Array, Array]:
        x, starts = primals
        _, (gradient,) = mx.vjp(lambda x: indexed(x, starts), [x], [cotangent])
        return gradient, mx.zeros_like(starts)

    windows.vjp(gradients)
    return windows


def slices(x: Array) -> list[Array]:
    """Return the slices along the first axis, which has at least one.

    The gradient of a slice is an array of zeros in the shape of `x`, so that the time and memory of a loop would grow
    with the square of its steps. That of `mx.split` is a concatenation, but only of up to ten parts: so each part is
    split again. With the first two axes merged, a slice needs no squeeze.
    """
    steps, *rest = x.shape
    if not rest or not x.size:
        return [mx.squeeze(one, 0) for one in _split(x, steps)]
    return _split(mx.reshape(x, (steps * rest[0], *rest[1:])), steps)


def _split(x: Array, count: int) -> list[Array]:
    """Return equal parts of the first axis."""
    if count == 1:
        return [x]
    size, most = len(x) // count, -(-count // _PARTS)
    starts = range(0, count, most)
    parts = mx.split(x, [start * size for start in starts[1:]])
    return [one for start, part in zip(starts, parts, strict=True) for one in _split(part, min(most, count - start))]


def _sums(count: int) -> Callable[[Array, Array], Array]:
    """Return the function of `x` and `rows`, all in range, that adds the slices of `x` to `count` sums."""
    add: Callable[..., Array] = mx.custom_function(
        lambda x, rows: mx.zeros((count, *x.shape[1:]), dtype=x.dtype).at[rows].add(x)
    )

    def slope(given: Sequence[Array], cotangent: Array, _: Array) -> tuple[Array, Array]:
        rows = given[1]
        return mx.take(cotangent, rows, axis=0), mx.zeros_like(rows)

    def of_members(given: Sequence[Array], axes: Sequence[int | None]) -> tuple[Array, int]:
        x, rows = _members_first(given, axes)
        members = len(rows)
        apart = rows + count * mx.arange(members)[:, None]
        sums = _sums(count * members)(x.reshape(-1, *x.shape[2:]), apart.reshape(-1))
        return sums.reshape(members, count, *x.shape[2:]), 0

    add.vjp(slope)  # type: ignore[attr-defined]
    add.vmap(of_members)  # type: ignore[attr-defined]
    return add


def _members_first(given: Sequence[Array], axes: Sequence[int | None]) -> list[Array]:
    """Return arrays with the members' axis first; those that all members share are repeated."""
    members = next(x.shape[axis] for x, axis in zip(given, axes, strict=True) if axis is not None)
    return [
        mx.broadcast_to(x, (members, *x.shape)) if axis is None else mx.moveaxis(x, axis, 0)
        for x, axis in zip(given, axes, strict=True)
    ]
