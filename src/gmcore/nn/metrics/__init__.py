"""Bases for metrics: write the sums over rows, or what one row contributes, once for NumPy and for every backend."""

from gmcore.nn.metrics.class_counts import LIKELY, class_counts, confusion_counts
from gmcore.nn.metrics.direction import HigherIsBetter, LowerIsBetter
from gmcore.nn.metrics.option_names import NamedByOptions
from gmcore.nn.metrics.row_mean import RowMean, mean_of
from gmcore.nn.metrics.sum_metric import SumMetric
from gmcore.nn.metrics.target import needs_classes, needs_labels, needs_numbers
from gmcore.nn.metrics.target_mean import TargetMean
from gmcore.nn.metrics.weighted_rows import center_of, counted, ratio, total

__all__ = [
    "LIKELY",
    "HigherIsBetter",
    "LowerIsBetter",
    "NamedByOptions",
    "RowMean",
    "SumMetric",
    "TargetMean",
    "center_of",
    "class_counts",
    "confusion_counts",
    "counted",
    "mean_of",
    "needs_classes",
    "needs_labels",
    "needs_numbers",
    "ratio",
    "total",
]
