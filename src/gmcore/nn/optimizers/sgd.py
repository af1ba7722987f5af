"""Stochastic gradient descent, with or without momentum."""

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field, settings_of

__all__ = ["SGD"]


@attrs.frozen(kw_only=True)
class SGD(Rule):
    """Stochastic gradient descent with optional momentum.

    Without momentum there is no state, and `momentum` and `dampening` can't differ between members.

    Formula:
        `g = gradient + weight_decay * parameter`
        `b = momentum * b + (1 - dampening) * g`, from the first `g` in full; without momentum `b = g`.
        `parameter = parameter - learning_rate * b`; with `nesterov`, `- learning_rate * (g + momentum * b)`

    Source:
        Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013);
        `torch.optim.SGD`.

    Attributes:
        learning_rate: factor of the gradient, or of its running sum.
        momentum: share of the running sum that each step keeps.
        dampening: share of a gradient that is left out of the running sum; the first gradient is added in full.
        weight_decay: L2 penalty: this times the parameter is added to the gradient.
        nesterov: whether to use Nesterov momentum.
    """

    learning_rate: float = member_field(default=1e-2, validator=POSITIVE)
    momentum: float = member_field(default=0.0, validator=DECAY)
    dampening: float = member_field(default=0.0, validator=DECAY)
    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)
    nesterov: bool = attrs.field(default=False)

    elementwise = True

    @nesterov.validator
    def _check_nesterov(self, _: "attrs.Attribute[bool]", value: Any) -> None:
        if value and (self.momentum == 0 or self.dampening != 0):
            found = f"momentum {self.momentum} and dampening {self.dampening}"
            raise ValueError(f"nesterov needs momentum above 0 and dampening 0, got {found}")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    @property
    def settings(self) -> Mapping[str, float]:
        without = () if self.momentum else ("momentum", "dampening")
        return {name: value for name, value in settings_of(self).items() if name not in without}

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        known = dict(super().coefficients(step, settings))
        if self.momentum:
            dampening = known.pop("dampening")
            known["entering"] = 1 - np.where(step > 1, dampening, 0.0)
        return known

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        if not self.momentum:
            return slots
        c = leaf.coefficients
        return {"momentum": c["momentum"] * slots["momentum"] + c["entering"] * leaf.gradient}

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        c, direction = leaf.coefficients, slots.get("momentum", leaf.gradient)
        if self.nesterov:
            direction = leaf.gradient + c["momentum"] * direction
        return leaf.parameter - c["learning_rate"] * direction
