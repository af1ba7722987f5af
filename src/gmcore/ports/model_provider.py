"""Port: a family of models."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Schema
from gmcore.ports.model import Model

__all__ = ["ModelProvider"]


@runtime_checkable
class ModelProvider(Protocol):
    """A family of models. Its constructor's keyword arguments are the model's settings."""

    @abstractmethod
    def create(self, schema: Schema) -> Model:
        """Return the model for these columns.

        Raises:
            ConfigError: if the settings and the schema do not go together.
        """
