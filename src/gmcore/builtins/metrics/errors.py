"""Metrics of the errors of predicted numbers: the mean over rows; with several targets, the mean over them."""

from collections.abc import Mapping

import attrs
import numpy as np
from attrs.validators import and_, gt, lt

from gmcore.domain import Array
from gmcore.nn.metrics import LowerIsBetter, NamedByOptions, RowMean, mean_of, needs_numbers
from gmcore.ports import Namespace

__all__ = ["MAE", "MAPE", "MSE", "MSLE", "RMSE", "QuantileLoss"]

_EPSILON = float(np.finfo(np.float64).eps)


class _ErrorMean(RowMean, LowerIsBetter):
    """A mean of what the error of each target contributes."""

    bind = needs_numbers


@attrs.frozen(kw_only=True)
class MSE(_ErrorMean):
    """The mean squared error, in the target's units squared.

    Formula:
        `mse = Σ wᵢ (pᵢ - yᵢ)² / Σ wᵢ`.

    Source:
        `sklearn.metrics.mean_squared_error`.
    """

    name = "mse"

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        return xp.square(predictions - targets)


@attrs.frozen(kw_only=True)
class RMSE(_ErrorMean):
    """The root of the mean squared error, in the target's units; with several targets, the mean of their roots.

    Formula:
        `rmse = √(Σ wᵢ (pᵢ - yᵢ)² / Σ wᵢ)`.

    Source:
        `sklearn.metrics.root_mean_squared_error`.
    """

    name = "rmse"

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        return xp.square(predictions - targets)

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {self.name: np.sqrt(mean_of(sums)).mean(axis=-1)}


@attrs.frozen(kw_only=True)
class MAE(_ErrorMean):
    """The mean absolute error, in the target's units.

    Formula:
        `mae = Σ wᵢ |pᵢ - yᵢ| / Σ wᵢ`.

    Source:
        `sklearn.metrics.mean_absolute_error`.
    """

    name = "mae"

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        return xp.abs(predictions - targets)


@attrs.frozen(kw_only=True)
class MSLE(_ErrorMean):
    """The mean squared difference of log(1 + value); NaN if a prediction or a target is -1 or less.

    Formula:
        `msle = Σ wᵢ (log(1 + pᵢ) - log(1 + yᵢ))² / Σ wᵢ`.

    Source:
        `sklearn.metrics.mean_squared_log_error`.
    """

    name = "msle"

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        squares = xp.square(xp.log1p(predictions) - xp.log1p(targets))
        return xp.where(xp.minimum(predictions, targets) > -1, squares, np.nan)


@attrs.frozen(kw_only=True)
class MAPE(_ErrorMean):
    """The mean absolute error relative to the target; 0.1 is ten percent.

    A target of 0 counts as one float64 epsilon, so that an error there makes the number huge, not infinite.

    Formula:
        `mape = Σ wᵢ |pᵢ - yᵢ| / max(|yᵢ|, ε) / Σ wᵢ`.

    Source:
        `sklearn.metrics.mean_absolute_percentage_error`.
    """

    name = "mape"

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        return xp.abs(predictions - targets) / xp.maximum(xp.abs(targets), _EPSILON)


@attrs.frozen(kw_only=True)
class QuantileLoss(NamedByOptions, _ErrorMean):
    """The pinball loss: lowest where a share `quantile` of the targets is below the prediction.

    Formula:
        `quantile_loss = Σ wᵢ max(q (yᵢ - pᵢ), (q - 1) (yᵢ - pᵢ)) / Σ wᵢ`; for `q = ½` half the mean absolute error.

    Source:
        Koenker and Bassett, "Regression quantiles" (1978); `sklearn.metrics.mean_pinball_loss`.

    Attributes:
        quantile: the predicted quantile, between 0 and 1.
    """

    kind = "quantile_loss"
    quantile: float = attrs.field(default=0.5, converter=float, validator=and_(gt(0.0), lt(1.0)))

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        above = targets - predictions
        return xp.maximum(self.quantile * above, (self.quantile - 1) * above)
