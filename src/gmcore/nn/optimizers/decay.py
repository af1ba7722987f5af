"""Weight decay: as a part of the gradient, an L2 penalty, or of the step, decoupled from the gradient."""

from collections.abc import Mapping

import numpy as np

from gmcore.domain import Array

__all__ = ["decay", "decayed", "shrink", "shrunk"]


def decay(settings: Mapping[str, np.ndarray], step: np.ndarray) -> dict[str, np.ndarray]:
    """Return the coefficient `"weight_decay"` of each step, or none if it is 0 for all members."""
    weight_decay = settings.get("weight_decay", 0.0)
    return {"weight_decay": np.broadcast_to(weight_decay, step.shape)} if np.any(weight_decay) else {}


def decayed(gradient: Array, parameter: Array, coefficients: Mapping[str, Array]) -> Array:
    """Return the gradient of the loss plus `weight_decay / 2 * parameter**2`; all arguments broadcast together."""
    return gradient + coefficients["weight_decay"] * parameter if "weight_decay" in coefficients else gradient


def shrink(settings: Mapping[str, np.ndarray], per_rate: np.ndarray) -> dict[str, np.ndarray]:
    """Return the coefficient `"shrink"` of decoupled weight decay, or none if it is 0 for all members.

    Args:
        settings: the optimizer's, of which `"weight_decay"` is used.
        per_rate: the learning rate divided by the size of the step, `(steps, members)`: 1 if they are equal.
    """
    weight_decay = settings["weight_decay"]
    return {"shrink": weight_decay * per_rate} if np.any(weight_decay) else {}


def shrunk(direction: Array, parameter: Array, coefficients: Mapping[str, Array]) -> Array:
    """Return a step's direction with decoupled weight decay; all arguments broadcast together."""
    return direction + coefficients["shrink"] * parameter if "shrink" in coefficients else direction
