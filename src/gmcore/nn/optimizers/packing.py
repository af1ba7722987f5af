"""Packing: all arrays of a tree in one, so that an optimizer's step takes as few operations as for one array."""

import itertools
import math

import attrs

from gmcore.domain import Array, Shape, Tree
from gmcore.domain.nested import Skeleton, filled, leaves, leaves_like, skeleton
from gmcore.nn.optimizers.rule import Rule
from gmcore.ports import Backend, Namespace, Optimizer, SupportsPacking

__all__ = ["Packing", "packing_of"]


@attrs.frozen(kw_only=True)
class Packing:
    """The places of a tree's arrays, `(members, …)`, in one array, `(members, size)`.

    Attributes:
        structure: the tree's.
        shapes: of its arrays, in the structure's order.
    """

    structure: Skeleton
    shapes: tuple[Shape, ...]

    @classmethod
    def of(cls, tree: Tree) -> "Packing":
        """Return the packing of trees like this one."""
        return cls(structure=skeleton(tree), shapes=tuple(tuple(leaf.shape) for leaf in leaves(tree)))

    def packed(self, tree: Tree, xp: Namespace) -> Array:
        """Return the arrays of a tree in one, `(members, size)`."""
        flat = [xp.reshape(leaf, (leaf.shape[0], -1)) for leaf in leaves_like(self.structure, tree)]
        return xp.concat(flat, axis=1)

    def unpacked(self, array: Array, xp: Namespace) -> Tree:
        """Return the tree of an array as `packed` returns it."""
        ends = list(itertools.accumulate(math.prod(shape[1:]) for shape in self.shapes))
        parts = zip(self.shapes, [0, *ends], ends, strict=False)
        tree: Tree = filled(self.structure, [xp.reshape(array[:, start:end], shape) for shape, start, end in parts])
        return tree


def packing_of(params: Tree, optimizer: Optimizer, backend: Backend) -> Packing | None:
    """Return how parameters, `(members, …)`, are packed for an optimizer's steps; None if they are not.

    Each number of the packed result is the same to the bit. So it is for an optimizer that is elementwise: another one
    would find one array where the model has several.
    """
    if not (isinstance(optimizer, Rule) and optimizer.elementwise and isinstance(backend, SupportsPacking)):
        return None
    arrays = leaves(params)
    size = sum(math.prod(leaf.shape[1:]) for leaf in arrays)
    return Packing.of(params) if len(arrays) > 1 and backend.packs(arrays[0].shape[0], size) else None
