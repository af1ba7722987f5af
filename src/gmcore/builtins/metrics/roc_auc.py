"""The area under the ROC curve: a metric of ranks, which needs all rows at once."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.nn.metrics import HigherIsBetter, counted, needs_classes
from gmcore.ports import MetricComputer

__all__ = ["ROCAUC"]


@attrs.frozen(kw_only=True)
class ROCAUC(MetricComputer, HigherIsBetter):
    """The area under the ROC curve: how often a row of the class is ranked above another row, ties counted half.

    Of two classes, the second one's area. Of more, the mean area of each class against the rest (one versus rest,
    macro average), over the classes that are present. NaN if fewer than two are.
    """

    name = "roc_auc"
    bind = needs_classes

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        present = np.unique(targets)
        if len(present) < 2:  # noqa: PLR2004 - one class can't be ranked against itself
            return {self.name: float("nan")}
        classes = present if predictions.shape[1] > 2 else [1]  # noqa: PLR2004 - two classes have one curve
        areas = [_area(predictions[:, index], targets == index, weights) for index in classes]
        return {self.name: float(np.mean(areas))}


def _area(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> float:
    _, rank = np.unique(scores, return_inverse=True)
    above = np.bincount(rank, weights * positive)
    below = np.bincount(rank, weights * ~positive)
    outranked = np.cumsum(below) - below / 2
    return float(np.sum(above * outranked) / (np.sum(above) * np.sum(below)))
