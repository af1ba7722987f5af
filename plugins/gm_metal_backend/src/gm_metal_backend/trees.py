"""Trees as the port has them: dicts, tuples, and arrays for leaves; None is an empty branch."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["leaves", "map_leaves", "stack", "together"]


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


def together(tree: Any) -> Iterator[Any]:
    """Yield trees from a tree of iterators, which all end at once."""
    if not tree and isinstance(tree, Mapping | tuple | None):
        return itertools.repeat(tree)
    if isinstance(tree, Mapping):
        return (dict(zip(tree, values, strict=True)) for values in zip(*map(together, tree.values()), strict=False))
    if isinstance(tree, tuple):
        return zip(*map(together, tree), strict=False)
    return iter(tree)
