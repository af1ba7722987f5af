"""Adafactor: the second moment of a matrix from its rows' and columns' means."""

import math
from collections.abc import Mapping

import attrs
import numpy as np
from attrs.validators import and_, ge, gt, le, lt

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.decay import shrink, shrunk
from gmcore.nn.optimizers.members import leaf_norms
from gmcore.nn.optimizers.rule import Leaf, Rule, Slots
from gmcore.nn.optimizers.validators import NOT_NEGATIVE, POSITIVE
from gmcore.nn.settings import member_field
from gmcore.ports import Namespace

__all__ = ["Adafactor"]

_MATRIX = 3  # axes, with the members'


@attrs.frozen(kw_only=True)
class Adafactor(Rule):
    """Steps relative to the size of each array, with little memory.

    Of an array with two or more axes it keeps the mean squares along the last two axes, of another one all squares.
    The learning rate is that of a step relative to the array's root mean square, and at most `1 / √t`.

    Formula:
        `RMS(x) = √(mean of x²)` over an array; `w = t^beta2_decay` at step `t = 1, 2, …`.
        `R = (1 - w) * R + w * (mean of g² over the last axis)`, `C` the same over the one before it, from 0;
        `V = R C / max(mean of R, epsilon)`. With less than two axes, `V = (1 - w) * V + w * g²`.
        `U = g / √max(V, epsilon²)`, `U = U / max(1, RMS(U) / clip)`.
        `size = max(smallest, RMS(parameter)) * min(learning_rate, 1 / √t)`
        `parameter = parameter * (1 - learning_rate * weight_decay) - size * U`

    Source:
        Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018); in the form of
        `torch.optim.Adafactor`.

    Attributes:
        learning_rate: length of a step relative to the root mean square of the array.
        beta2_decay: exponent by which the weight of the newest squares falls, from -1 to below 0.
        epsilon: smallest root of a squared gradient's mean; the default is the precision of float32, as in torch.
        smallest: smallest root mean square of an array for the length of its steps.
        clip: root mean square of an array's direction from which on it is made shorter.
        weight_decay: each step subtracts `learning_rate * weight_decay` times the parameter.
    """

    learning_rate: float = member_field(default=1e-2, validator=POSITIVE)
    beta2_decay: float = attrs.field(default=-0.8, validator=and_(ge(-1.0), lt(0.0)))
    epsilon: float = attrs.field(default=2.0**-23, validator=and_(gt(0.0), le(1.0)))
    smallest: float = attrs.field(default=1e-3, validator=NOT_NEGATIVE)
    clip: float = attrs.field(default=1.0, validator=and_(ge(1.0), lt(math.inf)))
    weight_decay: float = member_field(default=0.0, validator=NOT_NEGATIVE)

    slots = ("rows", "columns")

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        """Return zeros in the shapes of the means; squares that are kept whole are among the rows."""
        return {
            "rows": tree_map(lambda leaf: xp.zeros_like(leaf[..., :1] if _is_matrix(leaf) else leaf), params),
            "columns": tree_map(lambda leaf: xp.zeros_like(_first_row(leaf)), params),
        }

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        known = {
            "learning_rate": np.broadcast_to(settings["learning_rate"], step.shape),
            "largest_rate": 1 / np.sqrt(step),
            "newest": step**self.beta2_decay,
        }
        return known | shrink(settings, np.ones_like(step))

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        square, newest, xp = leaf.gradient * leaf.gradient, leaf.coefficients["newest"], leaf.xp
        if not _is_matrix(square):
            return {**slots, "rows": _mixed(slots["rows"], square, newest)}
        return {
            "rows": _mixed(slots["rows"], xp.mean(square, axis=-1, keepdims=True), newest),
            "columns": _mixed(slots["columns"], xp.mean(square, axis=-2, keepdims=True), newest),
        }

    def move(self, leaf: Leaf, slots: Slots) -> Array:
        xp, c, parameter, squares = leaf.xp, leaf.coefficients, leaf.parameter, slots["rows"]
        if _is_matrix(parameter):
            mean = xp.mean(squares, axis=-2, keepdims=True)
            squares = squares / xp.maximum(mean, self.epsilon) * slots["columns"]
        direction = leaf.gradient / xp.maximum(xp.sqrt(squares), self.epsilon)
        direction = direction / xp.maximum(_root_mean_square(direction, xp) / self.clip, 1.0)
        size = xp.maximum(_root_mean_square(parameter, xp), self.smallest)
        step = size * xp.minimum(c["learning_rate"], c["largest_rate"]) * direction
        return parameter - shrunk(step, c["learning_rate"] * parameter, c)


def _is_matrix(leaf: Array) -> bool:
    """Return whether the means of a leaf, `(members, …)`, are kept and not all of its squares."""
    return bool(leaf.ndim >= _MATRIX)


def _first_row(leaf: Array) -> Array:
    """Return an array in the shape of the means over the axis before the last one; of little size if there are none."""
    if _is_matrix(leaf):
        return leaf[..., :1, :]
    return leaf[..., :1] if leaf.ndim > 1 else leaf


def _mixed(old: Array, new: Array, share: Array) -> Array:
    return old + share * (new - old)


def _root_mean_square(leaf: Array, xp: Namespace) -> Array:
    return leaf_norms(leaf, xp) / math.sqrt(math.prod(leaf.shape[1:]))
