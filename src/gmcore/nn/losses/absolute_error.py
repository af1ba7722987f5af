"""Mean absolute error."""

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["mae"]


def mae(xp: Namespace, outputs: Array, targets: Array) -> Array:
    """Return each sample's absolute error, mean over outputs.

    Args:
        xp: the backend's namespace.
        outputs: `(batch, outputs)`.
        targets: `(batch, outputs)`.
    """
    return xp.mean(xp.abs(outputs - targets), axis=-1)
