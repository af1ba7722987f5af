"""Adam, with weight decay as a part of the gradient."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.optimizers.decay import decay
from gmcore.nn.optimizers.moments import Moments
from gmcore.nn.optimizers.rule import Leaf, Slots
from gmcore.nn.optimizers.validators import NOT_NEGATIVE
from gmcore.nn.settings import member_field

__all__ = ["Adam"]


@attrs.frozen(kw_only=True)
class Adam(Moments):
    """Steps of about the learning rate in every coordinate, by the formula of `torch.optim.Adam`.

    Attributes:
        learning_rate: about the length of a step in each coordinate.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        weight_decay: L2 penalty: this times the parameter is added to the gradient; see also `AdamW`.
    """

    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)

    elementwise = True

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return self.bias_corrections(step, settings["learning_rate"]) | decay(settings, step)

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        return leaf.parameter - leaf.coefficients["size"] * self.direction(leaf, slots)
