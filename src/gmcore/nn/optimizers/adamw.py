"""Adam, with weight decay apart from the gradient."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.nn.optimizers.moments import Moments
from gmcore.nn.optimizers.validators import DECAY, NOT_NEGATIVE, POSITIVE
from gmcore.ports import Namespace, Optimizer

__all__ = ["AdamW"]


@attrs.frozen(kw_only=True)
class AdamW(Optimizer):
    """Adam whose weight decay no gradient scales, by `torch.optim.AdamW`'s formula.

    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    Attributes:
        learning_rate: how far a step goes.
        beta1: share of the gradients' running mean that each step keeps.
        beta2: share of the squared gradients' running mean that each step keeps.
        epsilon: added to the denominator.
        weight_decay: each step shrinks a parameter by `learning_rate * weight_decay` of itself.
    """

    learning_rate: float = attrs.field(default=1e-3, validator=POSITIVE)
    beta1: float = attrs.field(default=0.9, validator=DECAY)
    beta2: float = attrs.field(default=0.999, validator=DECAY)
    epsilon: float = attrs.field(default=1e-8, validator=POSITIVE)
    weight_decay: float = attrs.field(default=1e-2, validator=NOT_NEGATIVE)

    @property
    def settings(self) -> Mapping[str, float]:
        return {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        return self._moments.init(params, xp)

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        known = self._moments.coefficients(step, settings["learning_rate"])
        if not np.any(settings["weight_decay"]):
            return known
        # In units of the step's size, which has the learning rate in it.
        return known | {"shrink": settings["weight_decay"] * self._moments.correction(step)}

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
        state = self._moments.update(state, gradients, taken=taken, xp=xp)
        return self._moments.descend(params, state, coefficients=coefficients, taken=taken, xp=xp), state

    @property
    def _moments(self) -> Moments:
        return Moments(beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)
