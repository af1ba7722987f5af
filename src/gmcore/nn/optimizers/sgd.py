"""Stochastic gradient descent, with or without momentum."""

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.decay import decay, decayed
from gmcore.nn.optimizers.members import per_member, select
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.ports import Namespace, Optimizer

__all__ = ["SGD"]


@attrs.frozen(kw_only=True)
class SGD(Optimizer):
    """Steps along the gradient, or along its running sum, by `torch.optim.SGD`'s formula.

    Without momentum it keeps no state, and momentum is then no setting that members can differ in.

    Attributes:
        learning_rate: what the gradient is multiplied by.
        momentum: share of the running sum that each step keeps.
        dampening: share of a gradient that does not enter the running sum; the first enters whole.
        weight_decay: how much of a parameter is added to its gradient (an L2 penalty).
        nesterov: whether the step looks ahead along the running sum (Sutskever et al., 2013).
    """

    learning_rate: float = attrs.field(default=1e-2, validator=POSITIVE)
    momentum: float = attrs.field(default=0.0, validator=DECAY)
    dampening: float = attrs.field(default=0.0, validator=DECAY)
    weight_decay: float = attrs.field(default=0.0, validator=NOT_NEGATIVE)
    nesterov: bool = attrs.field(default=False)

    @nesterov.validator
    def _check_nesterov(self, _: "attrs.Attribute[bool]", value: Any) -> None:
        if value and (self.momentum == 0 or self.dampening != 0):
            found = f"momentum {self.momentum} and dampening {self.dampening}"
            raise ValueError(f"nesterov needs momentum above 0 and dampening 0, got {found}")

    @property
    def settings(self) -> Mapping[str, float]:
        plain = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        return plain | {"momentum": self.momentum, "dampening": self.dampening} if self.momentum else plain

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        return {"momentum": tree_map(xp.zeros_like, params)} if self.momentum else {}

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        rate = np.broadcast_to(settings["learning_rate"], step.shape)
        known = {"learning_rate": rate} | decay(settings["weight_decay"], step)
        if not self.momentum:
            return known
        # The first gradient enters the sum whole.
        entering = 1 - np.where(step > 1, settings["dampening"], 0.0)
        return known | {"momentum": np.broadcast_to(settings["momentum"], step.shape), "entering": entering}

    def update(
        self,
        gradients: Tree,
        state: Tree,
        params: Tree,
        *,
        coefficients: Mapping[str, Array],
        taken: Array,
        xp: Namespace,
    ) -> tuple[Tree, Tree]:
        gradients = decayed(gradients, params, coefficients, xp)
        directions, sums = self._directions(gradients, state, coefficients, xp)

        def move(p: Array, d: Array) -> Array:
            return xp.where(per_member(taken, p, xp), p - per_member(coefficients["learning_rate"], p, xp) * d, p)

        return tree_map(move, params, directions), select(xp, taken, sums, state)

    def _directions(
        self, gradients: Tree, state: Tree, numbers: Mapping[str, Array], xp: Namespace
    ) -> tuple[Tree, Tree]:
        if not self.momentum:
            return gradients, state

        def kept(b: Array) -> Array:
            return per_member(numbers["momentum"], b, xp) * b

        sums = tree_map(lambda b, g: kept(b) + per_member(numbers["entering"], g, xp) * g, state["momentum"], gradients)
        return tree_map(lambda g, b: g + kept(b), gradients, sums) if self.nesterov else sums, {"momentum": sums}
