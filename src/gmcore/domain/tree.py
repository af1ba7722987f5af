"""Trees of arrays: nested dicts with string keys and arrays as leaves."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

import attrs

__all__ = ["Array", "Shape", "Tree", "Variables", "tree_flatten", "tree_leaves", "tree_map", "tree_unflatten"]

T = TypeVar("T")

Array = Any
"""An array of NumPy or of a backend's library."""
Tree = Mapping[str, Any]
"""A tree: its values are arrays or trees."""
Shape = tuple[int, ...]


@attrs.frozen
class Variables:
    """The arrays of a model.

    Attributes:
        params: trained by the optimizer.
        buffers: not trained by the optimizer: statistics, category tables, dropout rates.
        shared: equal for all members of a fleet and never changed by training, such as a frozen base: held once.
    """

    params: Tree = attrs.field(factory=dict)
    buffers: Tree = attrs.field(factory=dict)
    shared: Tree = attrs.field(factory=dict)


def tree_map(fn: Callable[..., Array], tree: T, *others: T) -> T:
    """Return the tree of `fn(leaf, *other_leaves)`, with the leaves of the other trees at the same path.

    A branch that `others` have and `tree` has not is ignored.
    """
    if not isinstance(tree, Mapping):
        return cast("T", fn(tree, *others))
    branches = cast("tuple[Tree, ...]", others)
    mapped = {name: tree_map(fn, child, *(other[name] for other in branches)) for name, child in tree.items()}
    return cast("T", mapped)


def tree_leaves(tree: Tree | Array) -> Iterator[Array]:
    """Yield the leaves, depth first, in insertion order."""
    if not isinstance(tree, Mapping):
        yield tree
        return
    for child in tree.values():
        yield from tree_leaves(child)


def tree_flatten(tree: Tree, prefix: str = "") -> dict[str, Array]:
    """Return `{"trunk.0.weight": leaf}`: one flat dict, keys joined by dots.

    Empty branches are dropped; gmcore treats an empty branch like an absent one.
    """
    flat: dict[str, Array] = {}
    for name, child in tree.items():
        path = f"{prefix}{name}"
        flat |= tree_flatten(child, f"{path}.") if isinstance(child, Mapping) else {path: child}
    return flat


def tree_unflatten(flat: Mapping[str, Array]) -> dict[str, Any]:
    """Return the tree whose `tree_flatten` is `flat`."""
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        *branches, last = path.split(".")
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[last] = leaf
    return tree
