"""Trees as the port has them: dicts, tuples, and arrays for leaves; None is an empty branch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["leaves", "map_leaves", "stack"]


def map_leaves(fn: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree of `fn(leaf)`."""
    if isinstance(tree, Mapping):
        return {name: map_leaves(fn, child) for name, child in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple([map_leaves(fn, child) for child in tree])
    return None if tree is None else fn(tree)


def leaves(tree: Any) -> list[Any]:
    """Return the leaves, depth first."""
    found: list[Any] = []
    map_leaves(found.append, tree)
    return found


def stack(fn: Callable[[Sequence[Any]], Any], trees: Sequence[Any]) -> Any:
    """Return the tree of `fn(all leaves at the same place)`."""
    first = trees[0]
    if isinstance(first, Mapping):
        return {name: stack(fn, [tree[name] for tree in trees]) for name in first}
    if isinstance(first, tuple | list):
        return tuple([stack(fn, column) for column in zip(*trees, strict=True)])
    return None if first is None else fn(trees)
