"""How surprised a yes-or-no score is."""

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["binary_cross_entropy"]


def binary_cross_entropy(xp: Namespace, logits: Array, targets: Array) -> Array:
    """Return each sample's cross-entropy with a yes or no, in nats, mean over outputs.

    `softplus(-z)` for yes and `softplus(z)` for no: accurate to the last places for any score, where
    `softplus(z) - target z` cancels.

    Args:
        xp: the backend's namespace.
        logits: the log of the odds of 1, `(batch, outputs)`.
        targets: 0 or 1: `(batch, outputs)`, or `(batch,)` for one output.
    """
    signs = 1 - 2 * xp.astype(xp.reshape(targets, logits.shape), xp.float)
    return xp.mean(xp.softplus(signs * logits), axis=-1)
