"""The base of metrics whose numbers follow from sums over rows."""

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from gmcore.nn.metrics.weighted_rows import center_of, counted
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import MetricComputer, SupportsSums

__all__ = ["SumMetric"]

_NUMPY = NumPyNamespace("float64")
_ROWS_AT_ONCE = 4096


class SumMetric(MetricComputer, SupportsSums):
    """A metric whose numbers follow from sums over rows.

    A subclass writes the formula once, as `sums` and `of_sums`; `compute` is the same formula over all rows, in
    float64 on NumPy. Subclass `HigherIsBetter` or `LowerIsBetter` too if the metric has one number that models can
    be ranked by.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The metric's name in tables and messages.

        It is made of what the metric is and of its options, so that two different metrics never share a name: `"f1"`,
        `"f1_macro"`. A metric with several numbers starts their names with it.
        """

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        # The predictions of a model that diverged give infinite numbers or NaN, which deserve no warning.
        with np.errstate(all="ignore"):
            numbers = self.of_sums(self._sums(predictions, targets, weights))
        # Classes are predicted by comparisons, in which NaN would count as the first class.
        unknown = bool(np.isnan(predictions).any())
        return {name: float("nan") if unknown else float(number) for name, number in numbers.items()}

    def _sums(self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the sums over all rows, batch by batch, since the parts take several times the predictions' memory."""
        center = center_of(targets, weights) if targets.ndim > 1 else 0.0
        slices = [slice(start, start + _ROWS_AT_ONCE) for start in range(0, max(1, len(targets)), _ROWS_AT_ONCE)]
        batches = [
            self.sums(predictions[rows], targets[rows], weights[rows], center=center, xp=_NUMPY) for rows in slices
        ]
        return {name: np.asarray(sum(batch[name] for batch in batches)) for name in batches[0]}
