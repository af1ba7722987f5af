"""Adam, with weight decay as a part of the gradient or apart from it."""

import attrs

from gmcore.domain import Array
from gmcore.nn.optimizers.moments import Moments
from gmcore.nn.optimizers.rule import Leaf, Slots
from gmcore.nn.optimizers.validators import NOT_NEGATIVE
from gmcore.nn.settings import member_field

__all__ = ["Adam", "AdamW"]


@attrs.frozen(kw_only=True)
class _Adam(Moments):
    """Steps of about the learning rate in each coordinate."""

    amsgrad: bool = attrs.field(default=False)

    elementwise = True

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v", "largest") if self.amsgrad else ("m", "v")

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        new = super().accumulate(leaf, slots)
        return {**new, "largest": leaf.xp.maximum(slots["largest"], new["v"])} if self.amsgrad else new

    def direction(self, leaf: Leaf, slots: Slots) -> Array:
        return slots["m"] / self.denominator(leaf, slots["largest"] if self.amsgrad else slots["v"])


@attrs.frozen(kw_only=True)
class Adam(_Adam):
    """Steps of about the learning rate in each coordinate.

    Formula:
        `g = gradient + weight_decay * parameter`
        `m = beta1 * m + (1 - beta1) * g`, `v = beta2 * v + (1 - beta2) * g²`, from 0.
        `parameter = parameter - learning_rate * m̂ / (√v̂ + epsilon)`, with `m̂ = m / (1 - beta1ᵗ)`,
        `v̂ = v / (1 - beta2ᵗ)` at step `t = 1, 2, …`. With `amsgrad`, `v̂` is of the largest `v` so far.

    Source:
        Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1; Reddi et al., "On the
        convergence of Adam and beyond" (2018); `torch.optim.Adam`.

    Attributes:
        learning_rate: about the length of a step in each coordinate.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        weight_decay: L2 penalty: this times the parameter is added to the gradient; see also `AdamW`.
        amsgrad: whether to divide by the largest moving average so far, so that steps never become longer again.
    """


@attrs.frozen(kw_only=True)
class AdamW(_Adam):
    """Adam with decoupled weight decay.

    Formula:
        `parameter = parameter - learning_rate * (m̂ / (√v̂ + epsilon) + weight_decay * parameter)`, with `m̂` and `v̂`
        as in `adam`, of the gradient alone.

    Source:
        Loshchilov and Hutter, "Decoupled weight decay regularization" (2019); `torch.optim.AdamW`.

    Attributes:
        learning_rate: about the length of a step in each coordinate.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        weight_decay: each step subtracts `learning_rate * weight_decay` times the parameter.
        amsgrad: whether to divide by the largest moving average so far, so that steps never become longer again.
    """

    weight_decay: float = member_field(default=1e-2, validator=NOT_NEGATIVE)

    decays_apart = True
