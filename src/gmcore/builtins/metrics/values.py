"""Metrics of predicted numbers; with several targets the mean over them."""

from collections.abc import Mapping
from types import MappingProxyType

import attrs
import numpy as np

from gmcore.builtins.metrics.fitting import counted, needs_numbers, ratio, total
from gmcore.domain import Array, Schema
from gmcore.ports import MetricComputer, Namespace, SupportsDirection, SupportsSums

__all__ = ["MAE", "MSE", "R2", "RMSE"]


def _sums_of_squares(
    metric: MetricComputer,  # noqa: ARG001 - a method of several
    predictions: Array,
    targets: Array,
    weights: Array,
    *,
    center: Array | float,  # noqa: ARG001 - errors need none
    xp: Namespace,
) -> Mapping[str, Array]:
    """Return one member's sums of squared errors, as `SupportsSums` has them."""
    return _summed(xp.square(predictions - targets), weights, xp)


@attrs.frozen(kw_only=True)
class MSE(MetricComputer, SupportsDirection, SupportsSums):
    """The mean squared error, in the target's units squared."""

    higher_is_better = MappingProxyType({"mse": False})

    def check(self, schema: Schema) -> None:
        needs_numbers("mse", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        return {"mse": float(np.mean(_squared_errors(predictions, targets, weights)))}

    sums = _sums_of_squares

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {"mse": _means(sums).mean(axis=-1)}


@attrs.frozen(kw_only=True)
class RMSE(MetricComputer, SupportsDirection, SupportsSums):
    """The root of the mean squared error, in the target's units; of several targets, the mean of their roots."""

    higher_is_better = MappingProxyType({"rmse": False})

    def check(self, schema: Schema) -> None:
        needs_numbers("rmse", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        return {"rmse": float(np.mean(np.sqrt(_squared_errors(predictions, targets, weights))))}

    sums = _sums_of_squares

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {"rmse": np.sqrt(_means(sums)).mean(axis=-1)}


@attrs.frozen(kw_only=True)
class MAE(MetricComputer, SupportsDirection, SupportsSums):
    """The mean absolute error, in the target's units."""

    higher_is_better = MappingProxyType({"mae": False})

    def check(self, schema: Schema) -> None:
        needs_numbers("mae", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        return {"mae": float(np.mean(_average(np.abs(predictions - targets), weights)))}

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - errors need none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        return _summed(xp.abs(predictions - targets), weights, xp)

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {"mae": _means(sums).mean(axis=-1)}


@attrs.frozen(kw_only=True)
class R2(MetricComputer, SupportsDirection, SupportsSums):
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
        share = errors / np.where(constant, 1.0, spread)
        return {"r2": float(np.mean(np.where(constant, errors == 0, 1 - share)))}

    def sums(
        self, predictions: Array, targets: Array, weights: Array, *, center: Array | float, xp: Namespace
    ) -> Mapping[str, Array]:
        apart = targets - center
        return {
            **_summed(xp.square(predictions - targets), weights, xp),
            "first": total(apart, weights, xp=xp),
            "second": total(xp.square(apart), weights, xp=xp),
            "rows": xp.sum(xp.astype(weights > 0, xp.float)),
        }

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        errors, everything = _means(sums), sums["all"][..., None]
        spread = ratio(sums["second"], everything) - np.square(ratio(sums["first"], everything))
        # Equal targets are all the one in the center.
        fit = np.where(spread > 0, 1 - ratio(errors, spread), errors == 0)
        return {"r2": np.where(sums["rows"] > 1, fit.mean(axis=-1), np.nan)}


def _squared_errors(predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    predictions, targets, weights = counted(predictions, targets, weights)
    return _average(np.square(predictions - targets), weights)


def _average(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean of each column, NaN of no rows."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    return np.asarray(np.average(values, axis=0, weights=weights))


def _summed(errors: Array, weights: Array, xp: Namespace) -> Mapping[str, Array]:
    return {"errors": total(errors, weights, xp=xp), "all": xp.sum(weights)}


def _means(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the mean error of each target, the last axis."""
    return ratio(sums["errors"], sums["all"][..., None])
