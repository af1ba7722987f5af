"""Ability: a data provider with random access to its rows."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Rows, Split

__all__ = ["SupportsRows"]


@runtime_checkable
class SupportsRows(Protocol):
    """A data provider with random access to its rows, which are in memory or are `numpy.memmap`s.

    Training copies them to the device if they fit there.
    """

    @abstractmethod
    def rows(self) -> Rows:
        """Return all rows, in the order of the source; every call returns the same object."""

    @abstractmethod
    def split(self) -> Split:
        """Return the indices of the rows to train on, to stop on and to test on."""
