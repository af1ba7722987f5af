"""Port: how gradients change parameters."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Optimizer"]


@runtime_checkable
class Optimizer(Protocol):
    """How gradients change parameters, those of a whole fleet at once.

    Every leaf has the members on its first axis, and so have the coefficients, `(members,)`: an
    optimizer may mix what is one member's, such as a norm over its gradients, never what is several members'.
    """

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, float]:
        """The numbers that may differ between the members of a fleet, `"learning_rate"` always among them."""

    @abstractmethod
    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        """Return the state before the first step."""

    @abstractmethod
    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the numbers that `update` needs of each step, by name: computed on the host, in float64.

        Args:
            step: which step it is for each member, from 1: `(steps, members)`.
            settings: as in the property of that name, each of a shape that broadcasts with `step`;
                `"learning_rate"` is already scheduled.

        Returns:
            Arrays of the shape of `step`. Names may be left out that would change nothing for these settings.
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
            gradients: of the loss, in the shape of `params`.
            state: as `init` or the step before returned it.
            params: before the step.
            coefficients: the step's, as the method of that name returned them, `(members,)` each.
            taken: who takes the step, `(members,)`, bool. The others' parameters and state come out as they
                went in, even if their gradients are not finite.
            xp: the backend's namespace.
        """
