"""Metrics of class probabilities over all classes at once."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.metrics import (
    HigherIsBetter,
    LowerIsBetter,
    RowMean,
    SumMetric,
    needs_classes,
    needs_labels,
    ratio,
    total,
)
from gmcore.ports import Namespace

__all__ = ["Accuracy", "BalancedAccuracy", "LogLoss"]

_EPSILON = float(np.finfo(np.float64).eps)
_LIKELY = 0.5


@attrs.frozen(kw_only=True)
class Accuracy(RowMean, HigherIsBetter):
    """The share of rows whose most probable class is the true one; the first of equally probable ones.

    With several labels, the share of rows all of whose labels are right, each had from a probability of a half on.
    """

    name = "accuracy"
    bind = needs_labels

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        if targets.ndim > 1:
            right = (predictions >= _LIKELY) == (targets > 0)
            return xp.min(xp.astype(right, xp.float), axis=-1)
        return xp.astype(xp.argmax(predictions, axis=-1) == targets, xp.float)


@attrs.frozen(kw_only=True)
class LogLoss(RowMean, LowerIsBetter):
    """The mean negative logarithm of the true class's probability, in nats.

    Probabilities are clipped to one float64 epsilon from 0 and 1, so a row that was thought impossible costs 36, not
    infinity. With several labels, the mean over them of the binary log loss.
    """

    name = "log_loss"
    bind = needs_labels

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        if targets.ndim > 1:
            of_true = xp.where(targets > 0, predictions, 1 - predictions)
        else:
            of_true = xp.squeeze(xp.take_along_axis(predictions, xp.expand_dims(targets, -1), axis=-1), -1)
        return -xp.log(xp.minimum(xp.maximum(of_true, _EPSILON), 1 - _EPSILON))


@attrs.frozen(kw_only=True)
class BalancedAccuracy(SumMetric, HigherIsBetter):
    """The mean over classes of the share of a class's rows that are predicted right; absent classes are left out."""

    name = "balanced_accuracy"
    bind = needs_classes

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
        return {self.name: ratio(shares.sum(axis=-1), (sums["all"] > 0).sum(axis=-1))}
