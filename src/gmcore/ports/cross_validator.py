"""Port: how rows become folds."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Fold, Rows

__all__ = ["CrossValidator", "SupportsSplit"]


@runtime_checkable
class CrossValidator(Protocol):
    """A splitting strategy. It splits; running the folds is the core's job."""

    @abstractmethod
    def folds(self, rows: Rows) -> Iterator[Fold]:
        """Yield the folds in order, the same ones every time.

        Raises:
            DataError: if the rows can't be split so: too few of them, of a class, or of groups.
        """


@runtime_checkable
class SupportsSplit(Protocol):
    """What scikit-learn calls a splitter; accepted, in code, wherever a `CrossValidator` is."""

    @abstractmethod
    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterable[tuple[np.ndarray, np.ndarray]]:  # noqa: N803 - scikit-learn's name
        """Yield `(train, test)` index arrays."""
