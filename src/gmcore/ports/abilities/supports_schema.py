"""Ability: a data provider that reads rows under a given schema."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Rows, Schema

__all__ = ["SupportsSchema"]


@runtime_checkable
class SupportsSchema(Protocol):
    """A data provider that reads rows under the schema of the training data, as prediction requires."""

    @abstractmethod
    def rows_like(self, schema: Schema) -> Rows:
        """Return the rows under `schema`: columns selected by name, categories encoded with its codes.

        A category that `schema` lacks gets code 0. Other columns are ignored, also targets: `targets` is None. `ids`
        are those of the schema's id column, if the source has it.

        Raises:
            DataError: if a column of `schema` is missing or holds invalid values.
        """
