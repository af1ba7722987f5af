"""Adamax, NAdam and RAdam, which change one thing in Adam each."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.optimizers.averages import moving_average
from gmcore.nn.optimizers.moments import Moments
from gmcore.nn.optimizers.rule import Leaf, Slots
from gmcore.nn.optimizers.validators import NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field

__all__ = ["Adamax", "NAdam", "RAdam"]

# NAdam's momentum rises as `1 - 0.96**(momentum_decay * step) / 2`.
_RISE = 0.96
# RAdam divides by the second moment from this number of degrees of freedom on.
_ENOUGH = 5.0
# Terms of a series that falls at least as fast as powers of 1/2: the next one is below float64's precision.
_TERMS = 56


@attrs.frozen(kw_only=True)
class Adamax(Moments):
    """Adam by the largest of the last gradients in place of the root of their mean square.

    Formula:
        `g = gradient + weight_decay * parameter`
        `m = beta1 * m + (1 - beta1) * g`, `u = max(beta2 * u, |g| + epsilon)`, from 0.
        `parameter = parameter - learning_rate * m / ((1 - beta1ᵗ) * u)` at step `t = 1, 2, …`

    Source:
        Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 2; `torch.optim.Adamax`.

    Attributes:
        learning_rate: about the length of a step in each coordinate.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the largest gradient that each step keeps.
        epsilon: added to each gradient's absolute value.
        weight_decay: L2 penalty: this times the parameter is added to the gradient.
    """

    learning_rate: float = member_field(default=2e-3, validator=POSITIVE)

    elementwise = True

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        xp, gradient = leaf.xp, leaf.gradient
        return {
            "m": moving_average(slots["m"], gradient, self.beta1),
            "v": xp.maximum(self.beta2 * slots["v"], xp.abs(gradient) + self.epsilon),
        }

    def direction(self, leaf: Leaf, slots: Slots) -> Array:
        # Only before a member's first step is `v` smaller than epsilon.
        return slots["m"] / leaf.xp.maximum(slots["v"], self.epsilon)

    def factors(self, step: np.ndarray) -> Mapping[str, np.ndarray]:
        del step  # `v` is not a mean, so it has no bias
        return {}


@attrs.frozen(kw_only=True)
class NAdam(Moments):
    """Adam with Nesterov momentum.

    Formula:
        `m` and `v` as in `adam`; `μₜ = beta1 * (1 - 0.96^(t * momentum_decay) / 2)`, `Πₜ = μ₁ ⋯ μₜ`.
        `parameter = parameter - learning_rate * ((1 - μₜ) / (1 - Πₜ) * g + μₜ₊₁ / (1 - Πₜ₊₁) * m) / (√v̂ + epsilon)`

    Source:
        Dozat, "Incorporating Nesterov momentum into Adam" (2016); `torch.optim.NAdam`.

    Attributes:
        learning_rate: about the length of a step in each coordinate.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        weight_decay: L2 penalty: this times the parameter is added to the gradient; see `decoupled`.
        momentum_decay: how fast the momentum rises from about half of `beta1` to `beta1`.
        decoupled: whether each step subtracts `learning_rate * weight_decay` times the parameter instead.
    """

    learning_rate: float = member_field(default=2e-3, validator=POSITIVE)
    momentum_decay: float = attrs.field(default=4e-3, validator=NOT_NEGATIVE)
    decoupled: bool = attrs.field(default=False)

    elementwise = True
    # The direction has the gradient itself.
    gate = None

    @property
    def decays_apart(self) -> bool:
        return self.decoupled

    def direction(self, leaf: Leaf, slots: Slots) -> Array:
        c = leaf.coefficients
        return (c["newest"] * leaf.gradient + c["mean"] * slots["m"]) / self.denominator(leaf, slots["v"])

    def divisor(self, step: np.ndarray) -> np.ndarray:
        return np.ones_like(step)

    def factors(self, step: np.ndarray) -> Mapping[str, np.ndarray]:
        now, following = self._momentum(step), self._momentum(step + 1)
        known = {"newest": (1 - now) / (1 - self._product(step)), "mean": following / (1 - self._product(step + 1))}
        return {**super().factors(step), **known}

    def _momentum(self, step: np.ndarray) -> np.ndarray:
        return self.beta1 * (1 - 0.5 * _RISE ** (step * self.momentum_decay))

    def _product(self, step: np.ndarray) -> np.ndarray:
        """Return the product of the momenta of all steps up to each, from the step's number alone.

        Its logarithm is `step * log(beta1)` plus the sum over steps `i` of `log(1 - q**i / 2)`, with
        `q = 0.96**momentum_decay`; of each term of the logarithm's series, the sum over `i` is geometric.
        """
        if not self.beta1:
            return np.zeros_like(step)
        power = np.arange(1.0, _TERMS + 1)
        decay = power * self.momentum_decay * np.log(_RISE)
        sums = step[..., None] if not self.momentum_decay else np.expm1(decay * step[..., None]) / np.expm1(decay)
        logarithm = step * np.log(self.beta1) - np.sum(0.5**power / power * np.exp(decay) * sums, axis=-1)
        return np.asarray(np.exp(logarithm))


@attrs.frozen(kw_only=True)
class RAdam(Moments):
    """Adam with steps that are as long as the number of gradients so far allows.

    Formula:
        `m`, `v`, `m̂` and `v̂` as in `adam`; `n = 2 / (1 - beta2) - 1`, `nₜ = n - 2 t beta2ᵗ / (1 - beta2ᵗ)`.
        Where `nₜ > 5`: `parameter = parameter - learning_rate * rₜ * m̂ * √(1 - beta2ᵗ) / (√v + epsilon)`, with
        `rₜ² = (nₜ - 4) (nₜ - 2) n / ((n - 4) (n - 2) nₜ)`. Before: `parameter = parameter - learning_rate * m̂`.

    Source:
        Liu et al., "On the variance of the adaptive learning rate and beyond" (2020); `torch.optim.RAdam`.

    Attributes:
        learning_rate: about the length of a step in each coordinate, after the first few steps.
        beta1: share of the gradients' moving average that each step keeps.
        beta2: share of the squared gradients' moving average that each step keeps.
        epsilon: added to the denominator.
        weight_decay: L2 penalty: this times the parameter is added to the gradient; see `decoupled`.
        decoupled: whether each step subtracts `learning_rate * weight_decay` times the parameter instead.
    """

    decoupled: bool = attrs.field(default=False)

    elementwise = True

    @property
    def decays_apart(self) -> bool:
        return self.decoupled

    def direction(self, leaf: Leaf, slots: Slots) -> Array:
        c = leaf.coefficients
        return slots["m"] * (c["plain"] + c["rectified"] / (leaf.xp.sqrt(slots["v"]) + self.epsilon))

    def factors(self, step: np.ndarray) -> Mapping[str, np.ndarray]:
        limit, correction = 2 / (1 - self.beta2) - 1, self.correction(self.beta2, step)
        freedom = limit - 2 * step * (1 - correction) / correction
        enough = freedom > _ENOUGH
        if not np.any(enough):
            return {"plain": np.ones_like(step), "rectified": np.zeros_like(step)}
        freedom = np.maximum(freedom, _ENOUGH)
        square = (freedom - 4) * (freedom - 2) * limit / ((limit - 4) * (limit - 2) * freedom)
        return {"plain": np.where(enough, 0.0, 1.0), "rectified": np.where(enough, np.sqrt(square * correction), 0.0)}
