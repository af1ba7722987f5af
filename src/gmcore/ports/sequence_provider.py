"""Port: a strategy that splits a data set into a curriculum."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from gmcore.domain import SequenceConfig, SplitConfig
from gmcore.ports.data_provider import DataProvider

__all__ = ["SequenceProvider"]


@runtime_checkable
class SequenceProvider(Protocol):
    """A strategy that splits a data set into an ordered list of data sets, trained on one after the other."""

    @abstractmethod
    def sequences(self, data: DataProvider, config: SequenceConfig) -> Sequence[DataProvider]:
        """Return the data sets in training order; none of them is empty.

        Raises:
            DataError: if `data` can't be split this way.
        """

    @abstractmethod
    def train_validation_split(self, data: DataProvider, config: SplitConfig) -> tuple[DataProvider, DataProvider]:
        """Return the training rows and the validation rows, each as a data set."""
