"""Ability: a backend on which an optimizer's step takes less time on one array than on many small ones."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

__all__ = ["SupportsPacking"]


@runtime_checkable
class SupportsPacking(Protocol):
    """A backend on which an operation on a small array takes as long as on one that is many times larger."""

    @abstractmethod
    def packs(self, members: int, size: int) -> bool:
        """Return whether a step of an optimizer is faster on one array than on all arrays of the parameters.

        Args:
            members: number of members.
            size: number of parameters of each.
        """
