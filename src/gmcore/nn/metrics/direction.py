"""The direction of a metric that has one number: which values are better."""

from abc import abstractmethod
from collections.abc import Mapping

from gmcore.ports import SupportsDirection

__all__ = ["HigherIsBetter", "LowerIsBetter"]


class HigherIsBetter(SupportsDirection):
    """A metric whose one number is better the higher it is, such as a score."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the number."""

    @property
    def higher_is_better(self) -> Mapping[str, bool]:
        return {self.name: True}


class LowerIsBetter(SupportsDirection):
    """A metric whose one number is better the lower it is, such as an error."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the number."""

    @property
    def higher_is_better(self) -> Mapping[str, bool]:
        return {self.name: False}
