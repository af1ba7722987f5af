"""Metrics of class probabilities, over all classes at once."""

from collections.abc import Mapping
from types import MappingProxyType

import attrs
import numpy as np

from gmcore.builtins.metrics.fitting import average, counted, needs_classes, ratio, total
from gmcore.domain import Array, Schema
from gmcore.ports import MetricComputer, Namespace, SupportsDirection, SupportsSums

__all__ = ["ROCAUC", "Accuracy", "BalancedAccuracy", "LogLoss"]

_EPSILON = float(np.finfo(np.float64).eps)


@attrs.frozen(kw_only=True)
class Accuracy(MetricComputer, SupportsDirection, SupportsSums):
    """The share of rows whose most probable class is the right one; the first of equally probable ones."""

    higher_is_better = MappingProxyType({"accuracy": True})

    def check(self, schema: Schema) -> None:
        needs_classes("accuracy", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        return {"accuracy": average(predictions.argmax(axis=1) == targets, weights)}

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - classes have none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        right = xp.astype(xp.argmax(predictions, axis=-1) == targets, xp.float)
        return {"right": total(right, weights, xp=xp), "all": xp.sum(weights)}

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {"accuracy": ratio(sums["right"], sums["all"])}


@attrs.frozen(kw_only=True)
class BalancedAccuracy(MetricComputer, SupportsDirection, SupportsSums):
    """The mean over classes of the share of a class's rows that are recognised; absent classes are left out."""

    higher_is_better = MappingProxyType({"balanced_accuracy": True})

    def check(self, schema: Schema) -> None:
        needs_classes("balanced_accuracy", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        right = predictions.argmax(axis=1) == targets
        shares = [average(right[targets == present], weights[targets == present]) for present in np.unique(targets)]
        return {"balanced_accuracy": float(np.mean(shares)) if shares else float("nan")}

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - classes have none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        of_class = xp.one_hot(targets, predictions.shape[-1])
        right = xp.astype(xp.argmax(predictions, axis=-1) == targets, xp.float)
        return {
            "right": total(of_class * xp.expand_dims(right, -1), weights, xp=xp),
            "all": total(of_class, weights, xp=xp),
        }

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        shares = ratio(sums["right"], sums["all"], 0.0)
        return {"balanced_accuracy": ratio(shares.sum(axis=-1), (sums["all"] > 0).sum(axis=-1))}


@attrs.frozen(kw_only=True)
class LogLoss(MetricComputer, SupportsDirection, SupportsSums):
    """The mean negative logarithm of the right class's probability, in nats.

    Probabilities are kept a float64 rounding error away from 0 and 1, so one hopeless row costs 36 and not infinity.
    """

    higher_is_better = MappingProxyType({"log_loss": False})

    def check(self, schema: Schema) -> None:
        needs_classes("log_loss", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        of_right = np.clip(predictions[np.arange(len(targets)), targets], _EPSILON, 1 - _EPSILON)
        return {"log_loss": average(-np.log(of_right), weights)}

    def sums(
        self,
        predictions: Array,
        targets: Array,
        weights: Array,
        *,
        center: Array | float,  # noqa: ARG002 - classes have none
        xp: Namespace,
    ) -> Mapping[str, Array]:
        of_right = xp.squeeze(xp.take_along_axis(predictions, xp.expand_dims(targets, -1), axis=-1), -1)
        of_right = xp.minimum(xp.maximum(of_right, _EPSILON), 1 - _EPSILON)
        return {"cost": total(-xp.log(of_right), weights, xp=xp), "all": xp.sum(weights)}

    def of_sums(self, sums: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {"log_loss": ratio(sums["cost"], sums["all"])}


@attrs.frozen(kw_only=True)
class ROCAUC(MetricComputer, SupportsDirection):
    """The area under the ROC curve: how often a row of the class is ranked above another, ties half.

    With two classes the second one's. With more, the mean over classes of each against the rest (one
    versus rest, macro average), over the classes that are present; NaN where only one class is.
    """

    higher_is_better = MappingProxyType({"roc_auc": True})

    def check(self, schema: Schema) -> None:
        needs_classes("roc_auc", schema)

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        predictions, targets, weights = counted(predictions, targets, weights)
        present = np.unique(targets)
        if len(present) < 2:  # noqa: PLR2004 - one class can't be ranked against itself
            return {"roc_auc": float("nan")}
        classes = present if predictions.shape[1] > 2 else [1]  # noqa: PLR2004 - two classes have one curve
        areas = [_area(predictions[:, index], targets == index, weights) for index in classes]
        return {"roc_auc": float(np.mean(areas))}


def _area(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> float:
    _, rank = np.unique(scores, return_inverse=True)
    above = np.bincount(rank, weights * positive)
    below = np.bincount(rank, weights * ~positive)
    outranked = np.cumsum(below) - below / 2
    return float(np.sum(above * outranked) / (np.sum(above) * np.sum(below)))
