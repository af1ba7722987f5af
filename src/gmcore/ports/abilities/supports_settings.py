"""Ability: a model with hyperparameters that may differ between the members of a fleet."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gmcore.domain import Variables
from gmcore.ports.model import Model

__all__ = ["SupportsSettings"]


@runtime_checkable
class SupportsSettings(Model, Protocol):
    """A model with hyperparameters that may differ between the members of a fleet, which share its programs.

    Their values are buffers: `apply` and `loss` read them there, and a model file stores them.
    """

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, float]:
        """The hyperparameters by the name of the provider's option, such as `"dropout"`, with this model's values.

        A hyperparameter that the programs of this model do not use, such as `"dropout"` without a dropout layer, is
        left out.
        """

    @abstractmethod
    def with_settings(self, variables: Variables, settings: Mapping[str, float]) -> Variables:
        """Return the variables with other values of hyperparameters, on the host.

        Args:
            variables: as `init` or `adapt` returned them; they are not changed.
            settings: new values for some names of the property `settings`; the others keep the values in `variables`.

        Raises:
            ConfigError: if a value is invalid.
        """
