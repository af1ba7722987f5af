"""Trees as the port has them: dicts, tuples, and arrays for leaves; None is an empty branch."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["filled", "leaves", "leaves_like", "map_leaves", "skeleton"]


def map_leaves(fn: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree of `fn(leaf)`."""
    if isinstance(tree, dict):
        return {name: map_leaves(fn, child) for name, child in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple([map_leaves(fn, child) for child in tree])
    return None if tree is None else fn(tree)


def leaves(tree: Any) -> list[Any]:
    """Return the leaves, depth first."""
    found: list[Any] = []
    _collect(tree, found)
    return found


def skeleton(tree: Any) -> Any:
    """Return what a tree is without its leaves: equal, and of equal hash, for trees with the same branches in order."""
    if isinstance(tree, dict):
        return ("dict", *[(name, skeleton(child)) for name, child in tree.items()])
    if isinstance(tree, tuple | list):
        return ("tuple", *map(skeleton, tree))
    return None if tree is None else "leaf"


def filled(bones: Any, flat: Iterable[Any]) -> Any:
    """Return the tree of a skeleton with leaves in the order of `leaves`."""
    return _filled(bones, iter(flat))


def leaves_like(bones: Any, tree: Any) -> list[Any]:
    """Return the leaves of a tree in the order of a skeleton, which may name its branches in another one."""
    if bones is None:
        return []
    if bones == "leaf":
        return [tree]
    kind, *children = bones
    pairs: Sequence[tuple[Any, Any]] = (
        [(child, tree[name]) for name, child in children] if kind == "dict" else list(zip(children, tree, strict=True))
    )
    return [leaf for child, branch in pairs for leaf in leaves_like(child, branch)]


def _collect(tree: Any, found: list[Any]) -> None:
    if isinstance(tree, dict):
        for child in tree.values():
            _collect(child, found)
    elif isinstance(tree, tuple | list):
        for child in tree:
            _collect(child, found)
    elif tree is not None:
        found.append(tree)


def _filled(bones: Any, flat: Any) -> Any:
    if bones is None or bones == "leaf":
        return None if bones is None else next(flat)
    kind, *children = bones
    if kind == "dict":
        return {name: _filled(child, flat) for name, child in children}
    return tuple([_filled(child, flat) for child in children])
