"""Adam, with weight decay as a part of the gradient."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.nn.optimizers.decay import decay, decayed
from gmcore.nn.optimizers.moments import Moments
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.ports import Namespace, Optimizer

__all__ = ["Adam"]


@attrs.frozen(kw_only=True)
class Adam(Optimizer):
    """Steps of about the learning rate in every direction, by `torch.optim.Adam`'s formula.

    Attributes:
        learning_rate: how far a step goes.
        beta1: share of the gradients' running mean that each step keeps.
        beta2: share of the squared gradients' running mean that each step keeps.
        epsilon: added to the denominator.
        weight_decay: how much of a parameter is added to its gradient (an L2 penalty); see `AdamW`.
    """

    learning_rate: float = attrs.field(default=1e-3, validator=POSITIVE)
    beta1: float = attrs.field(default=0.9, validator=DECAY)
    beta2: float = attrs.field(default=0.999, validator=DECAY)
    epsilon: float = attrs.field(default=1e-8, validator=POSITIVE)
    weight_decay: float = attrs.field(default=0.0, validator=NOT_NEGATIVE)

    @property
    def settings(self) -> Mapping[str, float]:
        return {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        return self._moments.init(params, xp)

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return self._moments.coefficients(step, settings["learning_rate"]) | decay(settings["weight_decay"], step)

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
        state = self._moments.update(state, decayed(gradients, params, coefficients, xp), taken=taken, xp=xp)
        return self._moments.descend(params, state, coefficients=coefficients, taken=taken, xp=xp), state

    @property
    def _moments(self) -> Moments:
        return Moments(beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)
