"""Ability: a metric that states whether higher values are better."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

__all__ = ["SupportsDirection"]


@runtime_checkable
class SupportsDirection(Protocol):
    """A metric that states whether higher values are better, as model selection requires."""

    @property
    @abstractmethod
    def higher_is_better(self) -> Mapping[str, bool]:
        """Whether higher values are better, by name, for every number that `compute` returns."""
