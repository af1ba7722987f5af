"""LAMB: Adam's direction, as long as each array of parameters allows."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.optimizers.decay import shrunk
from gmcore.nn.optimizers.members import leaf_norms
from gmcore.nn.optimizers.moments import Moments
from gmcore.nn.optimizers.rule import Leaf, Slots
from gmcore.nn.optimizers.validators import NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field

__all__ = ["LAMB"]


@attrs.frozen(kw_only=True)
class LAMB(Moments):
    """Adam's direction, scaled to the norm of each array of parameters: for large batches.

    Formula:
        `r = m̂ / (√v̂ + epsilon) + weight_decay * parameter`, with `m̂` and `v̂` as in `adam`, of the gradient alone.
        `parameter = parameter - learning_rate * ‖parameter‖ / ‖r‖ * r`, with the Euclidean norms of the array; where
        one of them is 0, the factor is 1.

    Source:
        You et al., "Large batch optimization for deep learning: training BERT in 76 minutes" (2020), algorithm 2, with
        the identity as φ.

    Attributes:
        learning_rate: length of a step, as a share of the norm of the array.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        weight_decay: this times the parameter is added to the direction before it is scaled.
    """

    epsilon: float = attrs.field(default=1e-6, validator=POSITIVE)
    weight_decay: float = member_field(default=1e-2, validator=NOT_NEGATIVE)

    decays_apart = True
    # The factor of a member that takes no step may not be finite.
    gate = None

    def direction(self, leaf: Leaf, slots: Slots) -> Array:
        return slots["m"] * leaf.coefficients["mean"] / self.denominator(leaf, slots["v"])

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        xp, parameter = leaf.xp, leaf.parameter
        direction = shrunk(self.direction(leaf, slots), parameter, leaf.coefficients)
        size, length = leaf_norms(parameter, xp), leaf_norms(direction, xp)
        known = (size > 0) & (length > 0)
        trust = xp.where(known, size / xp.where(known, length, 1.0), 1.0)
        return parameter - leaf.coefficients["size"] * trust * direction

    def divisor(self, step: np.ndarray) -> np.ndarray:
        return np.ones_like(step)

    def factors(self, step: np.ndarray) -> Mapping[str, np.ndarray]:
        return {**super().factors(step), "mean": 1 / self.correction(self.beta1, step)}
