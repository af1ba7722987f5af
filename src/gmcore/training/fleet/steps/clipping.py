"""The norms of gradients, and gradients that are clipped to a largest value or norm."""

from functools import reduce
from operator import add

from gmcore.domain import Array, Tree, WorkflowConfig
from gmcore.domain.tree import tree_leaves, tree_map
from gmcore.nn.optimizers.members import per_member
from gmcore.ports import Namespace

__all__ = ["clipped", "norms"]

# As in torch.nn.utils.clip_grad_norm_.
_EPSILON = 1e-6


def norms(gradients: Tree, xp: Namespace) -> Array:
    """Return the Euclidean norm of each member's gradient over all parameters, `(members,)`."""
    leaves = tree_leaves(gradients)
    return xp.sqrt(reduce(add, (xp.sum(xp.square(leaf), axis=tuple(range(1, leaf.ndim))) for leaf in leaves)))


def clipped(gradients: Tree, config: WorkflowConfig, xp: Namespace) -> Tree:
    """Return gradients, `(members, …)`, that exceed neither the largest value nor the largest norm of the task.

    As `torch.nn.utils.clip_grad_value_` and then `clip_grad_norm_` do for each member alone.
    """
    if config.clip_value is not None:
        limit = config.clip_value
        gradients = tree_map(lambda leaf: xp.clip(leaf, -limit, limit), gradients)
    if config.clip_norm is not None:
        scale = xp.minimum(config.clip_norm / (norms(gradients, xp) + _EPSILON), 1.0)
        gradients = tree_map(lambda leaf: leaf * per_member(scale, leaf, xp), gradients)
    return gradients
