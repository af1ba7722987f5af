"""Metrics of predicted numbers; with several targets the mean over them."""

from collections.abc import Mapping
from types import MappingProxyType

import attrs
import numpy as np

from gmcore.builtins.metrics.fitting import counted, needs_numbers
from gmcore.domain import Schema
from gmcore.ports import MetricComputer, SupportsDirection

__all__ = ["MAE", "MSE", "R2", "RMSE"]


@attrs.frozen(kw_only=True)
class MSE(MetricComputer, SupportsDirection):
    """The mean squared error, in the target's units squared."""

    higher_is_better = MappingProxyType({"mse": False})

    def check(self, schema: Schema) -> None:
        needs_numbers("mse", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        return {"mse": float(np.mean(_squared_errors(predictions, targets, weights)))}


@attrs.frozen(kw_only=True)
class RMSE(MetricComputer, SupportsDirection):
    """The root of the mean squared error, in the target's units; of several targets, the mean of their roots."""

    higher_is_better = MappingProxyType({"rmse": False})

    def check(self, schema: Schema) -> None:
        needs_numbers("rmse", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        return {"rmse": float(np.mean(np.sqrt(_squared_errors(predictions, targets, weights))))}


@attrs.frozen(kw_only=True)
class MAE(MetricComputer, SupportsDirection):
    """The mean absolute error, in the target's units."""

    higher_is_better = MappingProxyType({"mae": False})

    def check(self, schema: Schema) -> None:
        needs_numbers("mae", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        return {"mae": float(np.mean(_average(np.abs(predictions - targets), weights)))}


@attrs.frozen(kw_only=True)
class R2(MetricComputer, SupportsDirection):
    """The coefficient of determination: 1 is perfect, 0 is no better than the mean.

    Of a target that is constant over the rows it is 1 where every prediction is exact, else 0. NaN of fewer than
    two rows.
    """

    higher_is_better = MappingProxyType({"r2": True})

    def check(self, schema: Schema) -> None:
        needs_numbers("r2", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        if len(targets) < 2:  # noqa: PLR2004 - one row has no spread
            return {"r2": float("nan")}
        errors = _average(np.square(predictions - targets), weights)
        spread = _average(np.square(targets - _average(targets, weights)), weights)
        constant = np.ptp(targets, axis=0) == 0
        ratio = errors / np.where(constant, 1.0, spread)
        return {"r2": float(np.mean(np.where(constant, errors == 0, 1 - ratio)))}


def _squared_errors(predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    predictions, targets, weights = counted(predictions, targets, weights)
    return _average(np.square(predictions - targets), weights)


def _average(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean of each column, NaN of no rows."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    return np.asarray(np.average(values, axis=0, weights=weights))
