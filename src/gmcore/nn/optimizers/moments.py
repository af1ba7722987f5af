"""Running moments of the gradients, which Adam and AdamW share."""

import math

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.optimizers.averages import moving_average
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.validators import DECAY, POSITIVE
from gmcore.nn.settings import member_field

__all__ = ["Moments"]


@attrs.frozen(kw_only=True)
class Moments(Rule):
    """Exponential moving averages of the gradients and of their squares, with bias correction.

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1, with epsilon
    where torch has it: `learning_rate * m_hat / (sqrt(v_hat) + epsilon)`.

    The betas are Python numbers and can't differ between members: `1 - beta` in float32 would be off by 1e-5.

    Attributes:
        learning_rate: about the length of a step in each coordinate.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
    """

    learning_rate: float = member_field(default=1e-3, validator=POSITIVE)
    beta1: float = attrs.field(default=0.9, validator=DECAY)
    beta2: float = attrs.field(default=0.999, validator=DECAY)
    epsilon: float = attrs.field(default=1e-8, validator=POSITIVE)

    slots = ("m", "v")
    gate = "size"
    linear_in_rate = ("size",)

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        m, v, gradient = slots["m"], slots["v"], leaf.gradient
        return {
            "m": moving_average(m, gradient, self.beta1),
            "v": moving_average(v, gradient * gradient, self.beta2),
        }

    def direction(self, leaf: Leaf, slots: Slots) -> Array:
        """Return `m_hat / (sqrt(v_hat) + epsilon)`, but for the bias correction of `m`, which `"size"` includes."""
        return slots["m"] / (leaf.xp.sqrt(slots["v"]) * leaf.coefficients["scale"] + self.epsilon)

    def bias_corrections(self, step: np.ndarray, learning_rate: np.ndarray) -> dict[str, np.ndarray]:
        """Return `"size"`, the factor of the direction, and `"scale"`, the factor of the root of `v`, of each step."""
        return {
            "size": learning_rate / self.first_correction(step),
            "scale": 1 / np.sqrt(_correction(self.beta2, step)),
        }

    def first_correction(self, step: np.ndarray) -> np.ndarray:
        """Return `1 - beta1**step`, the divisor of `m` that corrects its bias towards 0."""
        return _correction(self.beta1, step)


def _correction(beta: float, step: np.ndarray) -> np.ndarray:
    """Return `1 - beta**step` without cancellation."""
    return -np.expm1(step * math.log(beta)) if beta else np.ones_like(step)
