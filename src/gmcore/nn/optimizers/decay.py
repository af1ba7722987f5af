"""Weight decay as a part of the gradient: an L2 penalty."""

from collections.abc import Mapping

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.members import per_member
from gmcore.ports import Namespace

__all__ = ["decay", "decayed"]


def decay(weight_decay: np.ndarray, step: np.ndarray) -> dict[str, np.ndarray]:
    """Return the coefficient `"decay"` of each step; none where nobody decays, so that nobody pays for it."""
    return {"decay": np.broadcast_to(weight_decay, step.shape)} if np.any(weight_decay) else {}


def decayed(gradients: Tree, params: Tree, coefficients: Mapping[str, Array], xp: Namespace) -> Tree:
    """Return the gradients with the penalty's."""
    if "decay" not in coefficients:
        return gradients
    added: Tree = tree_map(lambda g, p: g + per_member(coefficients["decay"], p, xp) * p, gradients, params)
    return added
