"""Trees of arrays: nested dicts with string keys and arrays for leaves."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

__all__ = ["Array", "Shape", "Tree", "Variables", "tree_flatten", "tree_leaves", "tree_map", "tree_unflatten"]

Array = Any
Tree = Mapping[str, Any]
Shape = tuple[int, ...]


@attrs.frozen
class Variables:
    """What a model holds: what is learnt, and what is only remembered.

    Attributes:
        params: what the optimizer changes.
        buffers: what it does not: statistics, category tables, dropout rates.
    """

    params: Tree = attrs.field(factory=dict)
    buffers: Tree = attrs.field(factory=dict)


def tree_map(fn: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Return a tree of `fn(leaf, *leaves of the others at the same place)`."""
    if isinstance(tree, Mapping):
        return {name: tree_map(fn, child, *(other[name] for other in others)) for name, child in tree.items()}
    return fn(tree, *others)


def tree_leaves(tree: Any) -> Iterator[Any]:
    """Yield the leaves, depth first, in insertion order."""
    if not isinstance(tree, Mapping):
        yield tree
        return
    for child in tree.values():
        yield from tree_leaves(child)


def tree_flatten(tree: Tree, prefix: str = "") -> dict[str, Any]:
    """Return `{"trunk.0.weight": leaf}`: one flat mapping, paths joined by dots.

    Empty branches leave no trace; nothing in gmcore tells them from absent ones.
    """
    flat: dict[str, Any] = {}
    for name, child in tree.items():
        path = f"{prefix}{name}"
        flat |= tree_flatten(child, f"{path}.") if isinstance(child, Mapping) else {path: child}
    return flat


def tree_unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tree that `tree_flatten` made flat."""
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        *branches, last = path.split(".")
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[last] = leaf
    return tree
