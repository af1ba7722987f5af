"""Mean squared error."""

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["mse"]


def mse(xp: Namespace, outputs: Array, targets: Array) -> Array:
    """Return each sample's squared error, mean over outputs.

    Args:
        xp: the backend's namespace.
        outputs: `(batch, outputs)`.
        targets: `(batch, outputs)`.
    """
    return xp.mean(xp.square(outputs - targets), axis=-1)
