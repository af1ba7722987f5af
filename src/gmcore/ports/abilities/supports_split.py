"""Ability: the `split` method of scikit-learn's splitters."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Array

__all__ = ["SupportsSplit"]


@runtime_checkable
class SupportsSplit(Protocol):
    """A scikit-learn splitter; code can pass one in place of a `CrossValidator`."""

    @abstractmethod
    def split(
        self,
        X: Array,  # noqa: N803 - scikit-learn's name
        y: Array | None = None,
        groups: Array | None = None,
    ) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """Yield pairs of training and test indices, `(train, test)`, both integer arrays."""
