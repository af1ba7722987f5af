"""Metrics of how much of the targets' spread the predictions follow."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.metrics import HigherIsBetter, SumMetric, center_of, counted, mean_of, needs_numbers, ratio, total
from gmcore.ports import Namespace

__all__ = ["R2", "ExplainedVariance", "Pearson"]

# A spread that is smaller, relative to the squared distance from the center, is rounding.
_NOISE = 1e-6


@attrs.frozen(kw_only=True)
class R2(SumMetric, HigherIsBetter):
    """The coefficient of determination: 1 is perfect, 0 is no better than the mean.

    For a target that is constant over the rows it is 1 if every prediction is exact, else 0. With several targets,
    the mean over them. NaN for fewer than two rows.

    Formula:
        `r2 = 1 - Σ wᵢ (pᵢ - yᵢ)² / Σ wᵢ (yᵢ - ȳ)²` with the weighted mean `ȳ`.

    Source:
        `sklearn.metrics.r2_score`.
    """

    name = "r2"
    bind = needs_numbers

    def sums(
        self, predictions: Array, targets: Array, weights: Array, *, center: Array | float, xp: Namespace
    ) -> Mapping[str, Array]:
        return {
            "sum": total(xp.square(predictions - targets), weights, xp=xp),
            "all": xp.sum(weights),
            **_moments("targets", targets - center, weights, xp=xp),
            "rows": xp.sum(xp.astype(weights > 0, xp.float)),
        }

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        fit = _explained(mean_of(sums), _variance("targets", sums))
        return {self.name: np.where(sums["rows"] > 1, fit.mean(axis=-1), np.nan)}


@attrs.frozen(kw_only=True)
class ExplainedVariance(SumMetric, HigherIsBetter):
    """The share of the targets' variance that the predictions explain: as `r2`, but the same error in all rows is free.

    For a target that is constant over the rows it is 1 if the error is constant, else 0. With several targets, the
    mean over them.

    Formula:
        `explained_variance = 1 - Var(p - y) / Var(y)` with weighted variances.

    Source:
        `sklearn.metrics.explained_variance_score`.
    """

    name = "explained_variance"
    bind = needs_numbers

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        # Free of the common error, the sums keep the digits of what is left.
        with np.errstate(all="ignore"):
            predictions = predictions - center_of(predictions - targets, weights)
        return super().compute(predictions, targets, weights)

    def sums(
        self, predictions: Array, targets: Array, weights: Array, *, center: Array | float, xp: Namespace
    ) -> Mapping[str, Array]:
        return {
            **_moments("errors", predictions - targets, weights, xp=xp),
            **_moments("targets", targets - center, weights, xp=xp),
            "all": xp.sum(weights),
        }

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        fit = _explained(_variance("errors", sums), _variance("targets", sums))
        return {self.name: np.where(sums["all"] > 0, fit.mean(axis=-1), np.nan)}


@attrs.frozen(kw_only=True)
class Pearson(SumMetric, HigherIsBetter):
    """Pearson's correlation of predictions and targets: 1 if they rise together on a line, 0 if they are unrelated.

    NaN if all predictions or all targets are equal. With several targets, the mean over them.

    Formula:
        `pearson = Cov(p, y) / √(Var(p) Var(y))` with weighted moments.

    Source:
        Pearson, "Note on regression and inheritance in the case of two parents" (1895); `scipy.stats.pearsonr`.
    """

    name = "pearson"
    bind = needs_numbers

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        # Both near 0, the sums keep the digits of what they differ by.
        with np.errstate(all="ignore"):
            predictions, targets = (values - center_of(values, weights) for values in (predictions, targets))
        return super().compute(predictions, targets, weights)

    def sums(
        self, predictions: Array, targets: Array, weights: Array, *, center: Array | float, xp: Namespace
    ) -> Mapping[str, Array]:
        found, true = predictions - center, targets - center
        return {
            **_moments("predictions", found, weights, xp=xp),
            **_moments("targets", true, weights, xp=xp),
            "products": total(found * true, weights, xp=xp),
            "all": xp.sum(weights),
        }

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        means = {name: ratio(values, sums["all"][..., None]) for name, values in sums.items() if name != "all"}
        covariance = means["products"] - means["predictions_first"] * means["targets_first"]
        spread = np.sqrt(_variance("predictions", sums)) * np.sqrt(_variance("targets", sums))
        return {self.name: np.clip(ratio(covariance, spread), -1, 1).mean(axis=-1)}


def _moments(name: str, values: Array, weights: Array, *, xp: Namespace) -> dict[str, Array]:
    """Return the sums of values and of their squares, `(targets,)` each, whose names start with `name`."""
    return {
        f"{name}_first": total(values, weights, xp=xp),
        f"{name}_second": total(xp.square(values), weights, xp=xp),
    }


def _variance(name: str, sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the weighted variance of each target from `_moments`; exactly 0 for values that are all equal."""
    first, second = (ratio(sums[f"{name}_{moment}"], sums["all"][..., None]) for moment in ("first", "second"))
    variance = second - np.square(first)
    return np.where(variance <= _NOISE * second, 0.0, variance)


def _explained(errors: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return `1 - errors / spread`; without any spread 1 for no errors, else 0."""
    return np.where(spread == 0, errors == 0, 1 - ratio(errors, spread))
