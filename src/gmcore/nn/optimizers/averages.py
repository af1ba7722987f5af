"""The exponential moving average, which Adam, AdamW and RMSProp keep of gradients and of their squares."""

from gmcore.domain import Array

__all__ = ["moving_average"]

_NEARER_NEW = 0.5


def moving_average(old: Array, new: Array, beta: float) -> Array:
    """Return `beta * old + (1 - beta) * new`, in the form that keeps the digits of the nearer end.

    It is computed as a change of the end with the larger share, as `torch.lerp` does: with a small `beta`,
    `old + (1 - beta) * (new - old)` would lose the digits of a `new` that is much smaller than `old`. A `beta` of 0
    gives `new` exactly.

    Not as two products: a compiler fuses one of them with the addition, and not the same one for every number of
    members.
    """
    return new + beta * (old - new) if beta < _NEARER_NEW else old + (1 - beta) * (new - old)
