"""RMSProp: gradients divided by the root of their mean square."""

from collections.abc import Mapping

import attrs

from gmcore.domain import Array
from gmcore.nn.optimizers.averages import moving_average
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field, settings_of

__all__ = ["RMSProp"]


@attrs.frozen(kw_only=True)
class RMSProp(Rule):
    """Gradients divided by the root of their squares' moving average, with optional momentum.

    Without momentum `momentum` can't differ between members.

    Formula:
        `g = gradient + weight_decay * parameter`, `v = rho * v + (1 - rho) * g²`, from 0.
        With `centered`, `a = rho * a + (1 - rho) * g`, from 0, and `s = v - a²`; without, `s = v`.
        `b = momentum * b + g / (√s + epsilon)`, from 0; `parameter = parameter - learning_rate * b`

    Source:
        Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5 (2012); Graves, "Generating sequences
        with recurrent neural networks" (2013), for `centered`; `torch.optim.RMSprop`.

    Attributes:
        learning_rate: what the scaled gradient is multiplied by.
        weight_decay: L2 penalty: this times the parameter is added to the gradient.
        momentum: share of the running sum of scaled gradients that each step keeps.
        rho: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        centered: whether to divide by the gradients' standard deviation instead of their root mean square.
    """

    learning_rate: float = member_field(default=1e-2, validator=POSITIVE)
    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)
    momentum: float = member_field(default=0.0, validator=DECAY)
    rho: float = attrs.field(default=0.99, validator=DECAY)
    epsilon: float = attrs.field(default=1e-8, validator=POSITIVE)
    centered: bool = attrs.field(default=False)

    elementwise = True

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v", *(("mean",) if self.centered else ()), *(("momentum",) if self.momentum else ()))

    @property
    def settings(self) -> Mapping[str, float]:
        without = () if self.momentum else ("momentum",)
        return {name: value for name, value in settings_of(self).items() if name not in without}

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        gradient = leaf.gradient
        new = {"v": moving_average(slots["v"], gradient * gradient, self.rho)}
        if self.centered:
            new["mean"] = moving_average(slots["mean"], gradient, self.rho)
        if self.momentum:
            scaled = gradient / self._root(leaf, new)
            new["momentum"] = leaf.coefficients["momentum"] * slots["momentum"] + scaled
        return new

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        size = leaf.coefficients["learning_rate"]
        if self.momentum:
            return leaf.parameter - size * slots["momentum"]
        return leaf.parameter - size * leaf.gradient / self._root(leaf, slots)

    def _root(self, leaf: Leaf, slots: Slots) -> Array:
        square = slots["v"]
        if self.centered:
            # The variance of gradients that hardly differ may be rounded to below 0.
            square = leaf.xp.maximum(square - slots["mean"] * slots["mean"], 0.0)
        return leaf.xp.sqrt(square) + self.epsilon
