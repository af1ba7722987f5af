"""Ability: scikit-learn's splitters."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import numpy as np

__all__ = ["SupportsSplit"]


@runtime_checkable
class SupportsSplit(Protocol):
    """What scikit-learn calls a splitter; accepted, in code, wherever a `CrossValidator` is."""

    @abstractmethod
    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterable[tuple[np.ndarray, np.ndarray]]:  # noqa: N803 - scikit-learn's name
        """Yield `(train, test)` index arrays."""
