"""Ability: which of two numbers is better."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

__all__ = ["SupportsDirection"]


@runtime_checkable
class SupportsDirection(Protocol):
    """A metric that knows when one of its numbers is better than another: what choosing between models needs."""

    @property
    @abstractmethod
    def higher_is_better(self) -> Mapping[str, bool]:
        """Every number that `compute` returns, by name: whether more of it is better."""
