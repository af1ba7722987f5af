"""Port: how a data set becomes a curriculum."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from gmcore.domain import SequenceConfig, SplitConfig
from gmcore.ports.data_provider import DataProvider

__all__ = ["SequenceProvider"]


@runtime_checkable
class SequenceProvider(Protocol):
    """A way to cut a data set into an ordered list of data sets, to be trained on one after the other."""

    @abstractmethod
    def sequences(self, data: DataProvider, config: SequenceConfig) -> Sequence[DataProvider]:
        """Return the data sets in the order to train on them, none of them empty.

        Raises:
            DataError: if `data` can't be cut so.
        """

    @abstractmethod
    def train_validation_split(self, data: DataProvider, config: SplitConfig) -> tuple[DataProvider, DataProvider]:
        """Return the rows to train on and those to validate on, as data sets of their own."""
