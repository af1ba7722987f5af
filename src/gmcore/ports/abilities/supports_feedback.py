"""Ability: a schedule that reacts to the loss."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array, Tree
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Feedback", "SupportsFeedback"]


class Feedback(Protocol):
    """How a schedule reacts to the losses of epochs: pure functions of a state, traced on the device.

    The learning rates of an epoch are planned before the epoch ahead of it has ended. What is learnt from a loss
    therefore is a factor of the planned rates, the entry `"scale"` of the state, by which a step multiplies them.
    """

    @abstractmethod
    def initial(self, members: int) -> dict[str, np.ndarray]:
        """Return the state before the first epoch, `(members,)` each; `"scale"` is float64 and 1."""

    @abstractmethod
    def after_epoch(self, state: Tree, loss: Array, *, xp: Namespace) -> Tree:
        """Return the state after an epoch, with the names, shapes and dtypes of `initial`.

        Args:
            state: before it.
            loss: each member's stop loss, or its training loss if it has no rows to stop on, `(members,)`; NaN for a
                member that has failed.
            xp: the backend's namespace.
        """


@runtime_checkable
class SupportsFeedback(Protocol):
    """A schedule that may react to the loss, itself or through a schedule inside it."""

    @property
    @abstractmethod
    def feedback(self) -> Feedback | None:
        """How the schedule reacts; None if the schedules inside it do not."""
