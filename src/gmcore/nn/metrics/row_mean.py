"""The base of metrics that are the mean over rows of what each row contributes."""

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from gmcore.domain import Array
from gmcore.nn.metrics.sum_metric import SumMetric
from gmcore.nn.metrics.weighted_rows import ratio, total
from gmcore.ports import Namespace

__all__ = ["RowMean", "mean_of"]


class RowMean(SumMetric):
    """A metric that is the weighted mean over rows of what each row contributes, called by its name."""

    @abstractmethod
    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        """Return what each row contributes, `(batch,)`, or `(batch, targets)` for the mean over targets too.

        It is traced, and sees one member, without a fleet's axis.

        Args:
            predictions: probabilities, `(batch, classes)`, or values, `(batch, targets)`.
            targets: class indices, `(batch,)`, or values, `(batch, targets)`.
            xp: the backend's namespace; in `compute` NumPy's.
        """

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - a mean needs none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        return {"sum": total(self.of_row(predictions, targets, xp), weights, xp=xp), "all": xp.sum(weights)}

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        means = mean_of(sums)
        has_targets = means.ndim > np.ndim(sums["all"])
        return {self.name: means.mean(axis=-1) if has_targets else means}


def mean_of(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the mean from what `RowMean.sums` gives: of rows, or of each target on a last axis; NaN for no rows."""
    part, everything = sums["sum"], sums["all"]
    has_targets = np.ndim(part) > np.ndim(everything)
    return ratio(part, everything[..., None] if has_targets else everything)
