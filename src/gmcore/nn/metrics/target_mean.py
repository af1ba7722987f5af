"""The base of metrics of numbers that need all rows of a target at once."""

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from gmcore.nn.metrics.target import needs_numbers
from gmcore.nn.metrics.weighted_rows import counted
from gmcore.ports import MetricComputer

__all__ = ["TargetMean"]


class TargetMean(MetricComputer):
    """A metric of one number for each target, computed from all its rows at once; with several targets, their mean.

    It is NaN for no rows. A metric that follows from sums over rows is a `SumMetric` instead, which can be computed on
    the device while a fleet trains.
    """

    bind = needs_numbers

    @property
    @abstractmethod
    def name(self) -> str:
        """The metric's name in tables and messages, as that of a `SumMetric`."""

    @abstractmethod
    def of_target(self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the number of one target.

        Args:
            predictions: values, `(rows,)`, float64, of at least one row.
            targets: values, `(rows,)`, float64.
            weights: weight of each row, `(rows,)`, above 0.
        """

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        if not len(targets):
            return {self.name: float("nan")}
        # The predictions of a model that diverged give infinite numbers or NaN, which deserve no warning.
        with np.errstate(all="ignore"):
            columns = zip(predictions.T, targets.T, strict=True)
            return {self.name: float(np.mean([self.of_target(*column, weights) for column in columns]))}
