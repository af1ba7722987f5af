"""Ability: a layer that can be undone."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Array, Variables
from gmcore.ports.compute.namespace import Namespace

__all__ = ["SupportsInverse"]


@runtime_checkable
class SupportsInverse(Protocol):
    """A layer whose outputs can be turned back into its inputs, such as one that scales the targets of a regression."""

    @abstractmethod
    def inverse(self, variables: Variables, outputs: Array, *, xp: Namespace) -> Array:
        """Return the inputs that have these outputs, `(batch, …)`."""
