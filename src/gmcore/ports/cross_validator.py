"""Port: a strategy that splits rows into folds."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from gmcore.domain import Fold, Rows

__all__ = ["CrossValidator"]


@runtime_checkable
class CrossValidator(Protocol):
    """A strategy that splits rows into folds; the core trains and scores them."""

    @abstractmethod
    def folds(self, rows: Rows) -> Iterator[Fold]:
        """Yield the folds in order; every call yields the same folds.

        Raises:
            DataError: if the rows can't be split, because there are too few rows, rows of a class, or groups.
        """
