"""Metrics of predicted numbers that need all rows at once: of medians, extremes and ranks."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.builtins.metrics.spread import Pearson
from gmcore.nn.metrics import HigherIsBetter, LowerIsBetter, TargetMean, counted, needs_numbers, ratio
from gmcore.ports import MetricComputer

__all__ = ["NMAE", "MaxError", "MedianAbsoluteError", "Spearman"]

# Sums of weights that differ by less, relative to their total, differ by rounding.
_TIE = 1e-12


@attrs.frozen(kw_only=True)
class MaxError(TargetMean, LowerIsBetter):
    """The largest absolute error, in the target's units.

    Formula:
        `max_error = maxᵢ |pᵢ - yᵢ|` over the rows whose weight is above 0.

    Source:
        `sklearn.metrics.max_error`.
    """

    name = "max_error"

    def of_target(self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:  # noqa: ARG002
        return float(np.max(np.abs(predictions - targets)))


@attrs.frozen(kw_only=True)
class MedianAbsoluteError(TargetMean, LowerIsBetter):
    """The median of the absolute errors, in the target's units: half of the rows' weight has a smaller one.

    Formula:
        `median_absolute_error = median |pᵢ - yᵢ|`, the mean of two neighbours if the weight splits evenly between.

    Source:
        `sklearn.metrics.median_absolute_error`.
    """

    name = "median_absolute_error"

    def of_target(self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
        errors = np.abs(predictions - targets)
        order = np.argsort(errors)
        errors, below = errors[order], np.cumsum(weights[order])
        if np.isnan(errors[-1]):
            return np.nan
        half, tolerance = below[-1] / 2, _TIE * below[-1]
        lower, upper = np.searchsorted(below, [half - tolerance, half + tolerance])
        return float((errors[lower] + errors[min(upper, len(errors) - 1)]) / 2)


@attrs.frozen(kw_only=True)
class NMAE(TargetMean, LowerIsBetter):
    """The mean absolute error relative to the range of the targets; NaN if they are all equal.

    Formula:
        `nmae = mae / (max y - min y)` over the rows whose weight is above 0.

    Source:
        `sklearn.metrics.mean_absolute_error`, divided by the range.
    """

    name = "nmae"

    def of_target(self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
        return float(ratio(np.average(np.abs(predictions - targets), weights=weights), np.ptp(targets)))


@attrs.frozen(kw_only=True)
class Spearman(MetricComputer, HigherIsBetter):
    """Spearman's correlation of predictions and targets: 1 if they rise together, whatever the shape of the curve.

    NaN if all predictions or all targets are equal. With several targets, the mean over them.

    Formula:
        `spearman = pearson(rank p, rank y)`; equal values have the mean of their ranks, `Σ wⱼ [vⱼ < vᵢ] +
        ½ Σ wⱼ [vⱼ = vᵢ]` with weights.

    Source:
        Spearman, "The proof and measurement of association between two things" (1904); `scipy.stats.spearmanr`.
    """

    name = "spearman"
    bind = needs_numbers

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        correlation = Pearson().compute(_ranks(predictions, weights), _ranks(targets, weights), weights)
        return {self.name: correlation["pearson"]}


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted ranks in each column, `(rows, columns)`; NaN in a column with NaN."""
    ranks = np.full(values.shape, np.nan)
    for column in range(values.shape[1]):
        distinct, place = np.unique(values[:, column], return_inverse=True)
        if len(distinct) and not np.isnan(distinct[-1]):
            counts = np.bincount(place, weights)
            ranks[:, column] = (np.cumsum(counts) - counts / 2)[place]
    return ranks
