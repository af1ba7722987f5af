"""A choice between two trees, member by member."""

from typing import Any

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.ports import Namespace

__all__ = ["select"]


def select(xp: Namespace, condition: Array, new: Tree, old: Tree) -> Any:
    """Return `new` where `condition`, `(members,)`, holds, else `old`; leaves have the members on the first axis."""

    def choose(new: Array, old: Array) -> Array:
        return xp.where(xp.reshape(condition, condition.shape + (1,) * (new.ndim - 1)), new, old)

    return tree_map(choose, new, old)
