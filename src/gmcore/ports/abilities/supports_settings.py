"""Ability: numbers of a model that may differ between the members of a fleet."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gmcore.domain import Variables
from gmcore.ports.model import Model

__all__ = ["SupportsSettings"]


@runtime_checkable
class SupportsSettings(Model, Protocol):
    """A model with numbers that may differ between the members of a fleet, which share its programs.

    They live in its buffers, so that `apply` and `loss` read them there and a file keeps them.
    """

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, float]:
        """The numbers by the names of the provider's options, such as `"dropout"`, with this model's own values.

        A number that this model's programs do without, such as the rate of a dropout that it has not, is not among
        them.
        """

    @abstractmethod
    def with_settings(self, variables: Variables, settings: Mapping[str, float]) -> Variables:
        """Return the variables, on the host, of a model that was made with other numbers.

        Args:
            variables: as `init` or `adapt` returned them; they stay as they are.
            settings: some of those in the property of that name; the others stay as `variables` have them.

        Raises:
            ConfigError: for a number that the model can't have.
        """
