"""Adam, with weight decay apart from the gradient."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.optimizers.moments import Moments
from gmcore.nn.optimizers.rule import Leaf, Slots
from gmcore.nn.optimizers.validators import NOT_NEGATIVE
from gmcore.nn.settings import member_field

__all__ = ["AdamW"]


@attrs.frozen(kw_only=True)
class AdamW(Moments):
    """Adam with decoupled weight decay, by the formula of `torch.optim.AdamW`.

    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    Attributes:
        learning_rate: about the length of a step in each coordinate.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        weight_decay: each step subtracts `learning_rate * weight_decay` times the parameter.
    """

    weight_decay: float = member_field(default=1e-2, validator=NOT_NEGATIVE)

    elementwise = True

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        known = self.bias_corrections(step, settings["learning_rate"])
        if not np.any(settings["weight_decay"]):
            return known
        # `move` multiplies by `size`, which is the learning rate divided by this correction.
        return known | {"shrink": settings["weight_decay"] * self.first_correction(step)}

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        c, direction = leaf.coefficients, self.direction(leaf, slots)
        if "shrink" in c:
            direction = direction + c["shrink"] * leaf.parameter
        return leaf.parameter - c["size"] * direction
