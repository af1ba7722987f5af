"""RMSProp: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5 (2012)."""

import attrs

from gmcore.domain import Array
from gmcore.nn.optimizers.averages import moving_average
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field


@attrs.frozen(kw_only=True)
class RMSProp(Rule):
    """Gradients divided by the root of their squares' moving average, as `torch.optim.RMSprop` does it.

    Attributes:
        learning_rate: what the scaled gradient is multiplied by.
        weight_decay: L2 penalty: this times the parameter is added to the gradient.
        rho: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
    """

    learning_rate: float = member_field(default=1e-2, validator=POSITIVE)
    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)
    rho: float = attrs.field(default=0.99, validator=DECAY)
    epsilon: float = attrs.field(default=1e-8, validator=POSITIVE)
    slots = ("v",)
    elementwise = True

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        return {"v": moving_average(slots["v"], leaf.gradient * leaf.gradient, self.rho)}

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        size, xp = leaf.coefficients["learning_rate"], leaf.xp
        return leaf.parameter - size * leaf.gradient / (xp.sqrt(slots["v"]) + self.epsilon)
