"""Ability: rows by index."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Rows, Split

__all__ = ["SupportsRows"]


@runtime_checkable
class SupportsRows(Protocol):
    """A provider that has its rows by index: in memory, or as `numpy.memmap`s; on the device, where they fit there."""

    @abstractmethod
    def rows(self) -> Rows:
        """Return all rows, in the order of the source; the same object every time."""

    @abstractmethod
    def split(self) -> Split:
        """Return which rows `train` trains on, stops on and keeps unseen."""
