"""Port: a metric of predictions."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Schema

__all__ = ["MetricComputer"]


@runtime_checkable
class MetricComputer(Protocol):
    """One or more named numbers, computed over all scored rows at once and never averaged over batches."""

    @abstractmethod
    def bind(self, schema: Schema) -> "MetricComputer":
        """Return the metric for a schema: itself, or a copy that holds facts of the schema, such as a class's index.

        Called once, before training starts; `compute` and `sums` are called on the returned metric.

        Raises:
            ConfigError: if the metric can't be computed for this target.
        """

    @abstractmethod
    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        """Return the numbers by name.

        Args:
            predictions: probabilities, `(rows, classes)`, or values, `(rows, targets)`, float64.
            targets: class indices, `(rows,)`, or values, `(rows, targets)`.
            weights: weight of each row, `(rows,)`; None for equal weights of 1.
        """
