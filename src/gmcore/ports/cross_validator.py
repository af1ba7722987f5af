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
        """Yield the folds in order, numbered from 0; every call yields the same folds.

        Indices are int64, distinct and within the rows; the training rows and the held-out rows of a fold are disjoint
        and neither is empty; rows of one group are on one side. Global random state is neither read nor changed.

        Raises:
            DataError: if the rows can't be split, because there are too few rows, rows of a class, or groups.
        """
