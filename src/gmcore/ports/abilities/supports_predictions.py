"""Ability: a loss for numbers that says what its outputs predict."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Array
from gmcore.ports.compute.namespace import Namespace

__all__ = ["SupportsPredictions"]


@runtime_checkable
class SupportsPredictions(Protocol):
    """A loss for numbers that says what its outputs predict, such as logarithms of counts.

    It is computed with targets in their own units, so a model must not rescale them.
    """

    @abstractmethod
    def predictions(self, outputs: Array, *, xp: Namespace) -> Array:
        """Return the predictions for outputs, in the units of the targets, `(batch, …)`."""
