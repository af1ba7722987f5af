"""What Adam and its kin share: running moments of the gradients, and the step they give."""

import math

import attrs

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.members import beside
from gmcore.nn.optimizers.validators import DECAY, POSITIVE
from gmcore.ports import Namespace

__all__ = ["Moments"]


@attrs.frozen(kw_only=True)
class Moments:
    """Exponential means of the gradients and of their squares, with bias correction.

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1, with epsilon
    where torch has it: `learning_rate * m_hat / (sqrt(v_hat) + epsilon)`.

    The betas are Python numbers and no member's own, since `1 - beta` in float32 would be off by 1e-5.
    """

    beta1: float = attrs.field(validator=DECAY)
    beta2: float = attrs.field(validator=DECAY)
    epsilon: float = attrs.field(validator=POSITIVE)

    def init(self, params: Tree, xp: Namespace) -> Tree:
        """Return `{"m": …, "v": …}`, both zero and in the shape of `params`."""
        return {"m": tree_map(xp.zeros_like, params), "v": tree_map(xp.zeros_like, params)}

    def update(self, state: Tree, gradients: Tree) -> Tree:
        """Return the moments with one more step's gradients."""
        return {
            "m": tree_map(lambda m, g: m + (1 - self.beta1) * (g - m), state["m"], gradients),
            "v": tree_map(lambda v, g: self.beta2 * v + (1 - self.beta2) * (g * g), state["v"], gradients),
        }

    def descend(self, params: Tree, state: Tree, *, step: Array, learning_rate: Array, xp: Namespace) -> Tree:
        """Return the parameters after the step that the moments give."""
        size = learning_rate / _correction(self.beta1, step, xp)
        scale = 1 / xp.sqrt(_correction(self.beta2, step, xp))

        def move(p: Array, m: Array, v: Array) -> Array:
            return p - beside(size, p, xp) * (m / (xp.sqrt(v) * beside(scale, p, xp) + self.epsilon))

        new: Tree = tree_map(move, params, state["m"], state["v"])
        return new


def _correction(beta: float, step: Array, xp: Namespace) -> Array:
    """Return `1 - beta**step`, without the cancellation."""
    return -xp.expm1(step * math.log(beta)) if beta else xp.ones_like(step)
