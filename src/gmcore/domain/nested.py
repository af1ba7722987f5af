"""Trees as a backend's transforms take them: nested dicts and tuples with arrays as leaves; None is an empty branch.

`gmcore.domain.tree` is about the trees of a model, which have no tuples.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from gmcore.domain.tree import Array

__all__ = ["Skeleton", "filled", "leaves", "leaves_like", "map_leaves", "named_leaves", "skeleton"]

Skeleton = None | Literal["leaf"] | tuple[tuple[str, ...] | None, tuple["Skeleton", ...]]
"""A tree's structure: for a branch, its names (None for a tuple) and its children."""


def map_leaves(fn: Callable[[Array], Array], tree: object) -> Array:
    """Return the tree of `fn(leaf)`."""
    if isinstance(tree, dict):
        return {name: map_leaves(fn, child) for name, child in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple([map_leaves(fn, child) for child in tree])
    return None if tree is None else fn(tree)


def leaves(tree: object) -> list[Array]:
    """Return the leaves, depth first."""
    found: list[Array] = []
    _collect(tree, found)
    return found


def named_leaves(tree: object, name: str = "") -> dict[str, Array]:
    """Return `{"layers.0.weight": leaf}`: the names and positions on the way to each leaf, joined by dots."""
    if tree is None or not isinstance(tree, dict | tuple | list):
        return {} if tree is None else {name: tree}
    branches = tree.items() if isinstance(tree, dict) else enumerate(tree)
    below = [named_leaves(child, f"{name}.{key}" if name else str(key)) for key, child in branches]
    return {path: leaf for found in below for path, leaf in found.items()}


def skeleton(tree: object) -> Skeleton:
    """Return a tree's structure without its leaves; hashable, and equal for trees with the same branches in order."""
    if isinstance(tree, dict):
        return tuple(tree), tuple([skeleton(child) for child in tree.values()])
    if isinstance(tree, tuple | list):
        return None, tuple([skeleton(child) for child in tree])
    return None if tree is None else "leaf"


def filled(structure: Skeleton, flat: Iterable[Array]) -> Array:
    """Return the tree with this skeleton and these leaves, given in the order of `leaves`."""
    return _filled(structure, iter(flat))


def leaves_like(structure: Skeleton, tree: Array) -> list[Array]:
    """Return a tree's leaves in the order of a skeleton, whose names may be in another order than the tree's."""
    if structure is None:
        return []
    if structure == "leaf":
        return [tree]
    names, children = structure
    branches = tree if names is None else [tree[name] for name in names]
    return [leaf for child, branch in zip(children, branches, strict=True) for leaf in leaves_like(child, branch)]


def _collect(tree: object, found: list[Array]) -> None:
    if isinstance(tree, dict):
        for child in tree.values():
            _collect(child, found)
    elif isinstance(tree, tuple | list):
        for child in tree:
            _collect(child, found)
    elif tree is not None:
        found.append(tree)


def _filled(structure: Skeleton, flat: Iterator[Array]) -> Array:
    if structure is None or structure == "leaf":
        return None if structure is None else next(flat)
    names, children = structure
    branches = [_filled(child, flat) for child in children]
    return tuple(branches) if names is None else dict(zip(names, branches, strict=True))
