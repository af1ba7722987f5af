"""The coefficient of determination."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.metrics import HigherIsBetter, SumMetric, mean_of, needs_numbers, ratio, total
from gmcore.ports import Namespace

__all__ = ["R2"]


@attrs.frozen(kw_only=True)
class R2(SumMetric, HigherIsBetter):
    """The coefficient of determination: 1 is perfect, 0 is no better than the mean.

    For a target that is constant over the rows it is 1 if every prediction is exact, else 0. With several targets,
    the mean over them. NaN for fewer than two rows.
    """

    name = "r2"
    bind = needs_numbers

    def sums(
        self, predictions: Array, targets: Array, weights: Array, *, center: Array | float, xp: Namespace
    ) -> Mapping[str, Array]:
        apart = targets - center
        return {
            "sum": total(xp.square(predictions - targets), weights, xp=xp),
            "all": xp.sum(weights),
            "first": total(apart, weights, xp=xp),
            "second": total(xp.square(apart), weights, xp=xp),
            "rows": xp.sum(xp.astype(weights > 0, xp.float)),
        }

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        errors, everything = mean_of(sums), sums["all"][..., None]
        spread = ratio(sums["second"], everything) - np.square(ratio(sums["first"], everything))
        # The center is one of the targets, so the spread of equal targets is exactly 0.
        fit = np.where(spread > 0, 1 - ratio(errors, spread), errors == 0)
        return {self.name: np.where(sums["rows"] > 1, fit.mean(axis=-1), np.nan)}
