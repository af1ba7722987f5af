"""Running moments of the gradients, which Adam and its relatives share."""

import math
from abc import abstractmethod
from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.optimizers.averages import moving_average
from gmcore.nn.optimizers.decay import decay, shrink, shrunk
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field

__all__ = ["Moments"]


@attrs.frozen(kw_only=True)
class Moments(Rule):
    """Base of optimizers that keep moving averages of the gradients, `m`, and of their squares, `v`.

    Their step is `parameter - size * direction`; a subclass is its `direction`, and what it needs for it.

    The betas are Python numbers and can't differ between members: `1 - beta` in float32 would be off by 1e-5.

    Attributes:
        learning_rate: about the length of a step in each coordinate.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        weight_decay: strength of the weight decay.
    """

    learning_rate: float = member_field(default=1e-3, validator=POSITIVE)
    beta1: float = attrs.field(default=0.9, validator=DECAY)
    beta2: float = attrs.field(default=0.999, validator=DECAY)
    epsilon: float = attrs.field(default=1e-8, validator=POSITIVE)
    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)

    linear_in_rate = ("size",)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v")

    @property
    def gate(self) -> str | None:
        return "size"

    @property
    def decays_apart(self) -> bool:
        """Whether weight decay is decoupled from the gradient."""
        return False

    @abstractmethod
    def direction(self, leaf: Leaf, slots: Slots) -> Array:
        """Return what is subtracted from the parameter after a multiplication by the coefficient `"size"`."""

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        m, v, gradient = slots["m"], slots["v"], leaf.gradient
        return {
            "m": moving_average(m, gradient, self.beta1),
            "v": moving_average(v, gradient * gradient, self.beta2),
        }

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        direction = shrunk(self.direction(leaf, slots), leaf.parameter, leaf.coefficients)
        return leaf.parameter - leaf.coefficients["size"] * direction

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        divisor = self.divisor(step)
        decays = shrink(settings, divisor) if self.decays_apart else decay(settings, step)
        return {"size": settings["learning_rate"] / divisor} | dict(self.factors(step)) | decays

    def divisor(self, step: np.ndarray) -> np.ndarray:
        """Return what the learning rate is divided by: `1 - beta1**step`, which corrects the bias of `m` towards 0."""
        return self.correction(self.beta1, step)

    def factors(self, step: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the coefficients of `direction`: `"scale"`, by which the root of `v` is multiplied."""
        return {"scale": 1 / np.sqrt(self.correction(self.beta2, step))}

    def denominator(self, leaf: Leaf, v: Array) -> Array:
        """Return `sqrt(v_hat) + epsilon`."""
        return leaf.xp.sqrt(v) * leaf.coefficients["scale"] + self.epsilon

    def correction(self, beta: float, step: np.ndarray) -> np.ndarray:
        """Return `1 - beta**step` without cancellation."""
        return -np.expm1(step * math.log(beta)) if beta else np.ones_like(step)
