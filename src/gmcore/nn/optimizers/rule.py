"""Rule: an optimizer defined by what it does to one array."""

from abc import abstractmethod
from collections.abc import Mapping
from operator import itemgetter

import attrs
import numpy as np

from gmcore.domain import Array, Tree
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.decay import decay, decayed
from gmcore.nn.optimizers.members import per_member
from gmcore.nn.settings import settings_of
from gmcore.ports import Namespace, Optimizer

__all__ = ["Leaf", "Rule", "Slots"]

Slots = Mapping[str, Array]
"""What an optimizer keeps of one parameter, such as a running mean of its gradients, by name."""


@attrs.frozen
class Leaf:
    """One array of the model's parameters at one step, `(members, …)`.

    Attributes:
        parameter: before the step.
        gradient: of the loss, in the shape of `parameter`, L2 penalty included.
        coefficients: of this step, by name; each broadcasts with `parameter`.
        xp: the backend's namespace.
        before: the slots before the step.
    """

    parameter: Array
    gradient: Array
    coefficients: Mapping[str, Array]
    xp: Namespace
    before: Slots


class Rule(Optimizer):
    """An optimizer that updates every array by the same formula, independently of the other arrays.

    Subclass it as an `attrs.frozen` class: make the settings that may differ between members with `member_field`,
    name the slots, and write `move` and, if there are slots, `accumulate`. This class applies them to trees of arrays
    and to fleets, masks the members that do not take the step, and adds the L2 penalty of a coefficient named
    `weight_decay` to the gradient. `RMSProp` is a short example.

    For each array a step computes, in this order:

        gradient  += weight_decay * parameter           if there is such a coefficient
        slots      = where(taken, accumulate(…), slots)
        parameter  = where(taken, move(…), parameter)   without a `gate`
        parameter  = move(…)                            with one, which is 0 for members that do not take the step

    A `gate` costs one operation a step instead of one per array, and keeps MLX's fused kernels short enough: Adam with
    a `where` per parameter takes a quarter longer.
    """

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the arrays kept for each parameter; all are zero before the first step."""
        return ()

    @property
    def gate(self) -> str | None:
        """Name of a coefficient for which `move` returns the parameter unchanged where it is 0, or None.

        Only for rules whose `move` reads the gradient through the slots alone: `leaf.gradient` may be NaN, and
        `0 * NaN` is NaN.
        """
        return None

    @property
    def elementwise(self) -> bool:
        """Whether each number is computed from the numbers at its place alone, and the coefficients.

        The parameters of a model may then be given as one array. Not so for a rule that uses an array's norm or shape.
        """
        return False

    def accumulate(self, leaf: Leaf, slots: Slots) -> Slots:
        """Return the slots after this step, from those before it."""
        del leaf  # only rules with slots need it
        return slots

    @abstractmethod
    def move(self, leaf: Leaf, slots: Slots) -> Array:
        """Return the parameter after this step.

        Args:
            leaf: the parameter, its gradient and this step's coefficients.
            slots: as `accumulate` returned them, but unchanged for members that do not take the step.
        """

    @property
    def linear_in_rate(self) -> tuple[str, ...]:
        return ("learning_rate",)

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self)

    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        return {name: tree_map(xp.zeros_like, params) for name in self.slots}

    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return every setting under its own name; `weight_decay` is left out where it is 0 for all members."""
        known = {name: np.broadcast_to(settings[name], step.shape) for name in self.settings if name != "weight_decay"}
        return known | decay(settings, step)

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
        names, gate = self.slots, self.gate
        if gate is not None:
            coefficients = {**coefficients, gate: xp.where(taken, coefficients[gate], 0.0)}

        def updated(parameter: Array, gradient: Array, *before: Array) -> tuple[Array, ...]:
            mine = {name: per_member(value, parameter, xp) for name, value in coefficients.items()}
            old = dict(zip(names, before, strict=True))
            leaf = Leaf(parameter, decayed(gradient, parameter, mine), mine, xp, old)
            mask = per_member(taken, parameter, xp)
            new = self.accumulate(leaf, old)
            slots = {name: xp.where(mask, new[name], old[name]) for name in old}
            moved = self.move(leaf, slots)
            return (moved if gate is not None else xp.where(mask, moved, parameter), *slots.values())

        found = tree_map(updated, params, gradients, *(state[name] for name in names))
        after, *kept = (tree_map(itemgetter(place), found) for place in range(1 + len(names)))
        return after, dict(zip(names, kept, strict=True))
