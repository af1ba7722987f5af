"""The weights of rows in losses of a batch."""

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["shares_of"]


def shares_of(weights: Array, xp: Namespace) -> Array:
    """Return the share of each row in the sum of the weights, `(batch,)`; 0 if all weights are 0."""
    total = xp.sum(weights)
    return weights / xp.where(total > 0, total, 1.0)
