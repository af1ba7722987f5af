"""Port: where rows come from."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from gmcore.domain import Batch, BatchConfig, Rows, Schema, Split

__all__ = ["DataProvider", "SupportsRows", "SupportsSchema"]


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


@runtime_checkable
class SupportsRows(Protocol):
    """A provider that has its rows by index: in memory, or as `numpy.memmap`s; on the device, where they fit there."""

    @abstractmethod
    def rows(self) -> Rows:
        """Return all rows, in the order of the source; the same object every time."""

    @abstractmethod
    def split(self) -> Split:
        """Return which rows `train` trains on, stops on and keeps unseen."""


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
