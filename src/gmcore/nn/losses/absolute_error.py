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
    error = outputs - targets
    # Not `abs`: libraries disagree on its gradient at 0.
    return xp.mean(error * xp.sign(error), axis=-1)
