"""Ability: reading rows under an earlier schema."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Rows, Schema

__all__ = ["SupportsSchema"]


@runtime_checkable
class SupportsSchema(Protocol):
    """A provider that can read rows the way an earlier one did: what predicting needs."""

    @abstractmethod
    def rows_like(self, schema: Schema) -> Rows:
        """Return the source's rows under `schema`: its columns by name, its categories' codes.

        A category that `schema` does not know gets code 0. Columns that `schema` does not have are
        ignored, targets among them: `targets` is None.

        Raises:
            DataError: if a column of `schema` is absent or holds what it can't.
        """
