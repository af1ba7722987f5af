"""Port: a source of rows."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from gmcore.domain import Batch, BatchConfig, Schema

__all__ = ["DataProvider"]


@runtime_checkable
class DataProvider(Protocol):
    """A source of rows.

    The constructor reads nothing. The first use reads the source, and raises `DataError` with the file, line and
    column if it is invalid.
    """

    @property
    @abstractmethod
    def schema(self) -> Schema:
        """The columns: features, target, groups and time."""

    @property
    @abstractmethod
    def metadata(self) -> Mapping[str, object]:
        """Facts about the source: at least `"source"` (its description), `"rows"` and `"sha256"` (of the content)."""

    @abstractmethod
    def training_batches(self, config: BatchConfig) -> Iterable[Batch]:
        """Return the training rows as batches of NumPy arrays; iterating again gives the same batches.

        A batch has groups and time if the schema has them. Rows that pad a batch have weight 0.
        """

    @abstractmethod
    def validation_batches(self, config: BatchConfig) -> Iterable[Batch]:
        """Return all validation rows as batches, never shuffled and none left out, whatever `config` says.

        There are no batches if the source has no validation rows.
        """

    @abstractmethod
    def close(self) -> None:
        """Release files and threads. Calling it again does nothing."""
