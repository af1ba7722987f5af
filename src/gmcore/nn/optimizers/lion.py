"""Lion: steps of one length in every coordinate."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.optimizers.averages import moving_average
from gmcore.nn.optimizers.decay import shrink, shrunk
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field

__all__ = ["Lion"]


@attrs.frozen(kw_only=True)
class Lion(Rule):
    """Steps by the sign of the momentum, with decoupled weight decay.

    It keeps half of what Adam does. The paper recommends a learning rate three to ten times smaller than Adam's, and a
    weight decay that is larger by the same factor.

    Formula:
        `parameter = parameter - learning_rate * (sign(beta1 * m + (1 - beta1) * g) + weight_decay * parameter)`, for
        the gradient `g`; then `m = beta2 * m + (1 - beta2) * g`, from 0. `sign(0) = 0`.

    Source:
        Chen et al., "Symbolic discovery of optimization algorithms" (2023), algorithm 2.

    Attributes:
        learning_rate: length of a step in each coordinate.
        beta1: share of the momentum in the direction of a step.
        beta2: share of the momentum that each step keeps.
        weight_decay: each step subtracts `learning_rate * weight_decay` times the parameter.
    """

    learning_rate: float = member_field(default=1e-4, validator=POSITIVE)
    beta1: float = attrs.field(default=0.9, validator=DECAY)
    beta2: float = attrs.field(default=0.99, validator=DECAY)
    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)

    slots = ("m",)
    elementwise = True

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        rate = np.broadcast_to(settings["learning_rate"], step.shape)
        return {"learning_rate": rate} | shrink(settings, np.ones_like(step))

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        return {"m": moving_average(slots["m"], leaf.gradient, self.beta2)}

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        del slots  # the direction has the momentum from before the step
        sign = leaf.xp.sign(moving_average(leaf.before["m"], leaf.gradient, self.beta1))
        return leaf.parameter - leaf.coefficients["learning_rate"] * shrunk(sign, leaf.parameter, leaf.coefficients)
