"""Ability: an optimizer that evaluates the loss several times in a step."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from gmcore.domain import Array, Tree
from gmcore.ports.compute.namespace import Namespace
from gmcore.ports.optimizer import Optimizer

__all__ = ["Evaluation", "SupportsEvaluations"]


class Evaluation(NamedTuple):
    """The loss of one batch at some parameters.

    Attributes:
        losses: each member's mean loss, `(members,)`.
        gradients: of these losses, a tree like the parameters.
    """

    losses: Array
    gradients: Tree


@runtime_checkable
class SupportsEvaluations(Optimizer, Protocol):
    """An optimizer that evaluates the loss at several parameters in one step, as a line search does."""

    @abstractmethod
    def minimize(
        self,
        evaluate: Callable[[Tree], Evaluation],
        first: Evaluation,
        state: Tree,
        params: Tree,
        *,
        coefficients: Mapping[str, Array],
        taken: Array,
        xp: Namespace,
    ) -> tuple[Tree, Tree]:
        """Return `(params, state)` after one step; it is called in place of `update`.

        All evaluations of a step are of the same batch with the same random numbers. A member that needs fewer of them
        than others keeps its result under a mask: members must not affect each other.

        Args:
            evaluate: returns losses and gradients at other parameters, of all members at once.
            first: the evaluation at `params`.
            state: as `init` or the previous step returned it.
            params: the parameters before the step.
            coefficients: as for `update`.
            taken: as for `update`.
            xp: the backend's namespace.
        """
