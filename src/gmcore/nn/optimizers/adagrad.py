"""Adagrad and Adadelta: gradients divided by the root of the sum, or of the average, of their squares."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.averages import moving_average
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field
from gmcore.ports import Namespace

__all__ = ["Adadelta", "Adagrad"]


@attrs.frozen(kw_only=True)
class Adagrad(Rule):
    """Gradients divided by the root of the sum of all their squares.

    Formula:
        `g = gradient + weight_decay * parameter`, `sum = sum + g²`, from `initial_sum`.
        `parameter = parameter - learning_rate / (1 + (t - 1) * rate_decay) * g / (√sum + epsilon)` at step `t = 1, …`

    Source:
        Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization" (2011);
        `torch.optim.Adagrad`.

    Attributes:
        learning_rate: length of the first step in each coordinate, if `initial_sum` is 0.
        rate_decay: how fast the learning rate falls with the number of steps, apart from any schedule.
        weight_decay: L2 penalty: this times the parameter is added to the gradient.
        initial_sum: sum of squares before the first step.
        epsilon: added to the denominator.
    """

    learning_rate: float = member_field(default=1e-2, validator=POSITIVE)
    rate_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)
    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)
    initial_sum: float = attrs.field(default=0.0, validator=NOT_NEGATIVE)
    epsilon: float = attrs.field(default=1e-10, validator=POSITIVE)

    slots = ("sum",)
    elementwise = True

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        return {"sum": tree_map(lambda leaf: xp.zeros_like(leaf) + self.initial_sum, params)}

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        known = dict(super().coefficients(step, settings))
        known["learning_rate"] = known["learning_rate"] / (1 + (step - 1) * known.pop("rate_decay"))
        return known

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        return {"sum": slots["sum"] + leaf.gradient * leaf.gradient}

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        size = leaf.coefficients["learning_rate"]
        return leaf.parameter - size * leaf.gradient / (leaf.xp.sqrt(slots["sum"]) + self.epsilon)


@attrs.frozen(kw_only=True)
class Adadelta(Rule):
    """Steps in the units of the parameters: as long as the last ones, where gradients are as large as the last ones.

    Formula:
        `g = gradient + weight_decay * parameter`, `v = rho * v + (1 - rho) * g²`, from 0.
        `Δ = g * √(d + epsilon) / √(v + epsilon)`, then `d = rho * d + (1 - rho) * Δ²`, from 0.
        `parameter = parameter - learning_rate * Δ`

    Source:
        Zeiler, "ADADELTA: an adaptive learning rate method" (2012); `torch.optim.Adadelta`.

    Attributes:
        learning_rate: factor of the steps; 1 in the paper.
        rho: share of the moving averages that each step keeps.
        epsilon: added to the averages; its root is about the length of the first step.
        weight_decay: L2 penalty: this times the parameter is added to the gradient.
    """

    learning_rate: float = member_field(default=1.0, validator=POSITIVE)
    rho: float = attrs.field(default=0.9, validator=DECAY)
    epsilon: float = attrs.field(default=1e-6, validator=POSITIVE)
    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)

    slots = ("v", "d")
    elementwise = True

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        v = moving_average(slots["v"], leaf.gradient * leaf.gradient, self.rho)
        step = self._step(leaf, v)
        return {"v": v, "d": moving_average(slots["d"], step * step, self.rho)}

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        return leaf.parameter - leaf.coefficients["learning_rate"] * self._step(leaf, slots["v"])

    def _step(self, leaf: Leaf, v: Array) -> Array:
        xp = leaf.xp
        return xp.sqrt(leaf.before["d"] + self.epsilon) / xp.sqrt(v + self.epsilon) * leaf.gradient
