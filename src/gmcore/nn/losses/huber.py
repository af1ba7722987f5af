"""Squared error for what is near, absolute error for what is far."""

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["huber"]


def huber(xp: Namespace, outputs: Array, targets: Array, *, delta: Array = 1.0) -> Array:
    """Return each sample's Huber loss, mean over outputs (Huber, 1964; `torch.nn.HuberLoss`).

    `error² / 2` where the error is at most `delta`, `delta (|error| - delta / 2)` beyond.

    Args:
        xp: the backend's namespace.
        outputs: `(batch, outputs)`.
        targets: `(batch, outputs)`.
        delta: where the square ends, above 0: a number or a scalar array.
    """
    error = xp.abs(outputs - targets)
    near = xp.minimum(error, delta)
    return xp.mean(near * (error - 0.5 * near), axis=-1)
