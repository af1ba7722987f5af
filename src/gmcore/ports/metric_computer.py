"""Port: how good predictions are."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Schema

__all__ = ["MetricComputer"]


@runtime_checkable
class MetricComputer(Protocol):
    """One or more named numbers, computed over all rows that were scored, never averaged over batches."""

    @abstractmethod
    def check(self, schema: Schema) -> None:
        """Raise `ConfigError` if this can't be computed for such a target; called before training starts."""

    @abstractmethod
    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        """Return the numbers by name.

        Args:
            predictions: probabilities, `(rows, classes)`, or values, `(rows, targets)`, float64.
            targets: class indices, `(rows,)`, or values, `(rows, targets)`.
            weights: `(rows,)`, how much each row counts; None for 1 each.
        """
