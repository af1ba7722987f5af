"""Metrics of the errors of predicted numbers; with several targets, the mean over them."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.metrics import LowerIsBetter, RowMean, mean_of, needs_numbers
from gmcore.ports import Namespace

__all__ = ["MAE", "MSE", "MSLE", "RMSE"]


@attrs.frozen(kw_only=True)
class MSE(RowMean, LowerIsBetter):
    """The mean squared error, in the target's units squared."""

    name = "mse"
    bind = needs_numbers

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        return xp.square(predictions - targets)


@attrs.frozen(kw_only=True)
class RMSE(RowMean, LowerIsBetter):
    """The root of the mean squared error, in the target's units; with several targets, the mean of their roots."""

    name = "rmse"
    bind = needs_numbers

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        return xp.square(predictions - targets)

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {self.name: np.sqrt(mean_of(sums)).mean(axis=-1)}


@attrs.frozen(kw_only=True)
class MAE(RowMean, LowerIsBetter):
    """The mean absolute error, in the target's units."""

    name = "mae"
    bind = needs_numbers

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        return xp.abs(predictions - targets)


@attrs.frozen(kw_only=True)
class MSLE(RowMean, LowerIsBetter):
    """The mean squared difference of log(1 + value); NaN if a prediction or a target is -1 or less."""

    name = "msle"
    bind = needs_numbers

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        squares = xp.square(xp.log1p(predictions) - xp.log1p(targets))
        return xp.where(xp.minimum(predictions, targets) > -1, squares, np.nan)
