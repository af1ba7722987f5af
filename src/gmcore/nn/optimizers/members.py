"""Numbers of one member, or of each member of a fleet."""

from functools import reduce
from operator import and_
from typing import Any

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_leaves, tree_map
from gmcore.ports import Namespace

__all__ = ["all_finite", "per_member", "select"]


def per_member(number: Array, leaf: Array, xp: Namespace) -> Array:
    """Return a scalar as it is, and one number a member in a shape that goes with the members' leaves.

    So an optimizer that works number by number takes a whole fleet without `vmap`, which keeps MLX from
    fusing it: a step of ten small models costs half as much. One member's number is a scalar, which MLX reads
    once and not at each place.

    Args:
        number: scalar, or `(members,)`.
        leaf: any shape, or `(members, …)`.
        xp: the backend's namespace.
    """
    if not number.ndim:
        return number
    return xp.reshape(number, (-1,) + (1,) * (leaf.ndim - 1) if number.shape[0] > 1 else ())


def all_finite(tree: Tree, xp: Namespace) -> Array:
    """Return whether all of a member's numbers are finite, `(members,)`."""
    leaves = tree_leaves(tree)
    return reduce(and_, (xp.all(xp.isfinite(leaf), axis=tuple(range(1, leaf.ndim))) for leaf in leaves))


def select(xp: Namespace, condition: Array, new: Tree, old: Tree) -> Any:
    """Return `new` where `condition`, `(members,)`, holds, else `old`; leaves have the members on the first axis."""
    return tree_map(lambda new, old: xp.where(per_member(condition, new, xp), new, old), new, old)
