"""Port: where rows come from."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from gmcore.domain import Batch, BatchConfig, Schema

__all__ = ["DataProvider"]


@runtime_checkable
class DataProvider(Protocol):
    """A source of rows.

    Constructing one reads nothing: the first use does, and raises `DataError` for what it finds
    wrong, with the file, the line and the column.
    """

    @property
    @abstractmethod
    def schema(self) -> Schema:
        """What the columns are."""

    @property
    @abstractmethod
    def metadata(self) -> Mapping[str, object]:
        """What else is known: at least `"source"` (for people), `"rows"` and `"sha256"` (of the content)."""

    @abstractmethod
    def training_batches(self, config: BatchConfig) -> Iterable[Batch]:
        """Return the training rows as batches of NumPy arrays; iterate again for the same ones again.

        A batch has groups and time where the schema has them. What fills up a batch weighs 0.
        """

    @abstractmethod
    def validation_batches(self, config: BatchConfig) -> Iterable[Batch]:
        """Return the validation rows, never shuffled; none if the source has no validation rows."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and threads; calling it again does nothing."""
