"""MLX's transforms for functions of trees, and `vmap` with arguments that all members share.

In a product with a shared matrix, MLX multiplies the rows of all members as one matrix, by a method that depends on the
number of rows: the last bits of a member would depend on the number of members. A view of the matrix for each member,
which takes no memory, is multiplied member by member; on a CPU that takes the same time.
"""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TypeVar

from gmcore.domain import Array
from gmcore.domain.nested import leaves, map_leaves
from gmcore.ports.compute import InAxes

__all__ = ["checkpoint", "through", "vmap_of_views"]

F = TypeVar("F", bound=Callable[..., object])
View = Callable[[Array, tuple[int, ...]], Array]


def through(transform: Callable[[Callable[..., Array]], Callable[..., Array]], fn: F) -> F:
    """Return `transform(fn)` for an `fn` whose result may contain None: MLX's transforms accept only arrays."""

    def transformed(*arguments: Array) -> Array:
        tree: Array = None

        def flat(*inner: Array) -> tuple[Array, ...]:
            nonlocal tree
            tree = fn(*inner)
            return tuple(leaves(tree))

        results = iter(transform(flat)(*arguments))
        return map_leaves(lambda _: next(results), tree)

    return transformed  # type: ignore[return-value]


def checkpoint(mx: ModuleType, fn: F) -> F:
    """Return `fn` recomputed in the backward pass.

    MLX differentiates a checkpointed function by all its arguments, and has no gradient by a key or an index: so these
    are constants.
    """

    def constant(leaf: Array) -> Array:
        return leaf if mx.issubdtype(leaf.dtype, mx.floating) else mx.stop_gradient(leaf)

    return through(mx.checkpoint, lambda *arguments: fn(*map_leaves(constant, arguments)))  # type: ignore[return-value]


def vmap_of_views(mx: ModuleType, fn: F, in_axes: int | Sequence[InAxes]) -> F:
    """Return `fn` vectorised, with a view for each member of what they share."""
    mapped = through(lambda flat: mx.vmap(flat, in_axes=_all_mapped(in_axes)), fn)

    def call(*arguments: Array) -> Array:
        axes = in_axes if isinstance(in_axes, Sequence) else (in_axes,) * len(arguments)
        sizes = _sizes(arguments, axes)
        return mapped(*(_views(arguments, axes, sizes[0], mx.broadcast_to) if sizes else arguments))

    return call  # type: ignore[return-value]


def _all_mapped(axis: InAxes) -> InAxes:
    """Return the axes of a tree with 0 in place of None."""
    if isinstance(axis, Mapping):
        return {name: _all_mapped(inner) for name, inner in axis.items()}
    if isinstance(axis, Sequence):
        return tuple([_all_mapped(inner) for inner in axis])
    return 0 if axis is None else axis


def _sizes(tree: Array, axis: InAxes) -> list[int]:
    """Return the number of members in each array that has an axis of members."""
    if isinstance(axis, int):
        return [leaf.shape[axis] for leaf in leaves(tree)]
    return [size for branch, inner in _branches(tree, axis) for size in _sizes(branch, inner)]


def _views(tree: Array, axis: InAxes, members: int, view: View) -> Array:
    """Return a tree whose arrays all have an axis of members."""
    if axis is None:
        return map_leaves(lambda leaf: view(leaf, (members, *leaf.shape)), tree)
    if isinstance(axis, int):
        return tree
    found = [_views(branch, inner, members, view) for branch, inner in _branches(tree, axis)]
    return dict(zip(axis, found, strict=True)) if isinstance(axis, Mapping) else tuple(found)


def _branches(tree: Array, axis: InAxes) -> list[tuple[Array, InAxes]]:
    """Return the children of a tree with their axes; none for a leaf."""
    if isinstance(axis, Mapping):
        return [(tree[name], inner) for name, inner in axis.items()]
    return list(zip(tree, axis, strict=True)) if isinstance(axis, Sequence) else []
