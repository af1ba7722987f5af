"""Port: a family of models."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Schema
from gmcore.ports.model import Model

__all__ = ["ModelProvider"]


@runtime_checkable
class ModelProvider(Protocol):
    """A family of models; the keyword arguments of its constructor are the hyperparameters of the model."""

    @abstractmethod
    def create(self, schema: Schema) -> Model:
        """Return the model for a schema.

        Raises:
            ConfigError: if the settings do not suit the schema.
        """
