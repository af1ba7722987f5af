"""Port: an optimizer."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Optimizer"]


@runtime_checkable
class Optimizer(Protocol):
    """An update rule that maps gradients to new parameters, for all members of a fleet at once.

    The members are the first axis of every leaf and of the coefficients, `(members,)`. An optimizer may combine the
    values of one member, such as in a norm of its gradients, but never those of several members.
    """

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, float]:
        """The hyperparameters that may differ between the members of a fleet; always has `"learning_rate"`."""

    @property
    @abstractmethod
    def linear_in_rate(self) -> tuple[str, ...]:
        """Names of the coefficients that are proportional to the learning rate, such as `("learning_rate",)`.

        A step whose learning rate is scaled on the device, as by a schedule that reacts to the loss, scales these. The
        others must not depend on the learning rate.
        """

    @abstractmethod
    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        """Return the state before the first step."""

    @abstractmethod
    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the coefficients of each step for `update`, by name; computed on the host, in float64.

        Args:
            step: number of the step for each member, from 1, `(steps, members)`.
            settings: values for the names of the property `settings`, each of a shape that broadcasts with `step`;
                `"learning_rate"` is already multiplied by the schedule's factor.

        Returns:
            Arrays of the shape of `step`. Coefficients that have no effect for these settings may be left out.
        """

    @abstractmethod
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
        """Return `(params, state)` after one step.

        Args:
            gradients: gradients of the loss, a tree like `params`.
            state: as `init` or the previous step returned it.
            params: the parameters before the step.
            coefficients: of this step, as the method `coefficients` returned them, `(members,)` each.
            taken: mask of the members that take this step, `(members,)`, bool. The parameters and state of the others
                are returned unchanged, even if their gradients are not finite.
            xp: the backend's namespace.
        """
