"""Port: how rows become folds."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from gmcore.domain import Fold, Rows

__all__ = ["CrossValidator"]


@runtime_checkable
class CrossValidator(Protocol):
    """A splitting strategy. It splits; running the folds is the core's job."""

    @abstractmethod
    def folds(self, rows: Rows) -> Iterator[Fold]:
        """Yield the folds in order, the same ones every time.

        Raises:
            DataError: if the rows can't be split so: too few of them, of a class, or of groups.
        """
