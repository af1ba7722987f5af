"""Ability: a loss, or a model with such a loss, that checks the values of targets."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import numpy as np

__all__ = ["SupportsTargetCheck"]


@runtime_checkable
class SupportsTargetCheck(Protocol):
    """A loss that can't be computed for all values of targets, such as negative counts; or a model with such a loss."""

    @abstractmethod
    def check_targets(self, targets: np.ndarray) -> None:
        """Raise `DataError` for values that the loss can't be computed for; called before training starts.

        Args:
            targets: as in `Rows.targets`, those of all rows.
        """
