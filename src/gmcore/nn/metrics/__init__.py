"""Bases for metrics: write the sums over rows, or what one row contributes, once for NumPy and for every backend."""

from gmcore.nn.metrics.direction import HigherIsBetter, LowerIsBetter
from gmcore.nn.metrics.row_mean import RowMean, mean_of
from gmcore.nn.metrics.sum_metric import SumMetric
from gmcore.nn.metrics.target import needs_classes, needs_labels, needs_numbers
from gmcore.nn.metrics.weighted_rows import counted, ratio, total

__all__ = [
    "HigherIsBetter",
    "LowerIsBetter",
    "RowMean",
    "SumMetric",
    "counted",
    "mean_of",
    "needs_classes",
    "needs_labels",
    "needs_numbers",
    "ratio",
    "total",
]
