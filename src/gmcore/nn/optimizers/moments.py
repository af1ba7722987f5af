"""What Adam and its kin share: running moments of the gradients, and the step they give."""

import math
from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.members import per_member
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

    def update(self, state: Tree, gradients: Tree, *, taken: Array, xp: Namespace) -> Tree:
        """Return the moments with one more step's gradients, for those who take it."""

        def first(m: Array, g: Array) -> Array:
            return xp.where(per_member(taken, m, xp), m + (1 - self.beta1) * (g - m), m)

        def second(v: Array, g: Array) -> Array:
            # Not `b v + (1 - b) g²`: two products to choose from where one is fused with the addition, and compilers do
            # not choose alike for every number of members.
            return xp.where(per_member(taken, v, xp), v + (1 - self.beta2) * (g * g - v), v)

        return {"m": tree_map(first, state["m"], gradients), "v": tree_map(second, state["v"], gradients)}

    def coefficients(self, step: np.ndarray, learning_rate: np.ndarray) -> dict[str, np.ndarray]:
        """Return what corrects the bias: a step's `"size"`, and the `"scale"` of the root of `v`."""
        return {
            "size": learning_rate / self.correction(step),
            "scale": 1 / np.sqrt(_correction(self.beta2, step)),
        }

    def correction(self, step: np.ndarray) -> np.ndarray:
        """Return what the first moment's sum lacks to a mean after so many steps, `1 - beta1**step`."""
        return _correction(self.beta1, step)

    def descend(
        self, params: Tree, state: Tree, *, coefficients: Mapping[str, Array], taken: Array, xp: Namespace
    ) -> Tree:
        """Return the parameters after the step that the moments give, and without a `"shrink"` share."""
        size, scale = xp.where(taken, coefficients["size"], 0.0), coefficients["scale"]

        def move(p: Array, m: Array, v: Array) -> Array:
            direction = m / (xp.sqrt(v) * per_member(scale, p, xp) + self.epsilon)
            if "shrink" in coefficients:
                direction = direction + per_member(coefficients["shrink"], p, xp) * p
            return p - per_member(size, p, xp) * direction

        new: Tree = tree_map(move, params, state["m"], state["v"])
        return new


def _correction(beta: float, step: np.ndarray) -> np.ndarray:
    """Return `1 - beta**step`, without the cancellation."""
    return -np.expm1(step * math.log(beta)) if beta else np.ones_like(step)
