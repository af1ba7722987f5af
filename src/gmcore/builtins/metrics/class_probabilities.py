"""Metrics of the probabilities of one row: the mean over rows of what each contributes."""

from typing import Self

import attrs
import numpy as np

from gmcore.domain import Array, Schema
from gmcore.errors import ConfigError
from gmcore.nn.metrics import (
    LIKELY,
    HigherIsBetter,
    LowerIsBetter,
    NamedByOptions,
    RowMean,
    needs_classes,
    needs_labels,
)
from gmcore.nn.settings import whole_number
from gmcore.ports import Namespace

__all__ = ["Accuracy", "BrierScore", "HammingLoss", "LogLoss", "TopKAccuracy"]

_EPSILON = float(np.finfo(np.float64).eps)


@attrs.frozen(kw_only=True)
class Accuracy(RowMean, HigherIsBetter):
    """The share of rows whose most probable class is the true one; the first of equally probable ones.

    With several labels, the share of rows all of whose labels are right, each had from a probability of a half on.

    Formula:
        `accuracy = Σ wᵢ [argmax pᵢ = yᵢ] / Σ wᵢ`; with labels `[pᵢₗ ≥ ½] = yᵢₗ` for every label `l`.

    Source:
        `sklearn.metrics.accuracy_score`.
    """

    name = "accuracy"
    bind = needs_labels

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        if targets.ndim > 1:
            return xp.min(xp.astype(_right_labels(predictions, targets), xp.float), axis=-1)
        return xp.astype(xp.argmax(predictions, axis=-1) == targets, xp.float)


@attrs.frozen(kw_only=True)
class HammingLoss(RowMean, LowerIsBetter):
    """The share of wrong labels over all rows and labels; of a class, the share of wrong rows.

    Formula:
        `hamming_loss = Σ wᵢ meanₗ [[pᵢₗ ≥ ½] ≠ yᵢₗ] / Σ wᵢ` over labels `l`; of classes `1 - accuracy`.

    Source:
        `sklearn.metrics.hamming_loss`.
    """

    name = "hamming_loss"
    bind = needs_labels

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        right = _right_labels(predictions, targets) if targets.ndim > 1 else xp.argmax(predictions, axis=-1) == targets
        return 1 - xp.astype(right, xp.float)


@attrs.frozen(kw_only=True)
class LogLoss(RowMean, LowerIsBetter):
    """The mean negative logarithm of the true class's probability, in nats.

    Probabilities are clipped to one float64 epsilon from 0 and 1, so a row that was thought impossible costs 36, not
    infinity. With several labels, the mean over them of the binary log loss.

    Formula:
        `log_loss = -Σ wᵢ log(pᵢ[yᵢ]) / Σ wᵢ`; of a label, `log(p)` for rows that have it and `log(1 - p)` for others.

    Source:
        `sklearn.metrics.log_loss`.
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
class BrierScore(RowMean, LowerIsBetter):
    """The squared distance between the probabilities and the true class: from 0 to 2, of two classes from 0 to 1.

    Formula:
        `brier_score = Σ wᵢ sᵢ / Σ wᵢ` with `sᵢ = Σₖ (pᵢₖ - [yᵢ = k])²` over classes `k`, halved for two classes,
        where it is the squared error of the second one's probability.

    Source:
        Brier, "Verification of forecasts expressed in terms of probability" (1950); `sklearn.metrics.brier_score_loss`.
    """

    name = "brier_score"
    bind = needs_classes

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        classes = predictions.shape[-1]
        squares = xp.sum(xp.square(predictions - xp.one_hot(targets, classes)), axis=-1)
        return squares / 2 if classes == 2 else squares  # noqa: PLR2004 - one number then says both


@attrs.frozen(kw_only=True)
class TopKAccuracy(NamedByOptions, RowMean, HigherIsBetter):
    """The share of rows whose true class is one of the `k` most probable; the first of equally probable ones.

    Formula:
        `top_k_accuracy = Σ wᵢ [yᵢ ∈ topₖ(pᵢ)] / Σ wᵢ`; for `k = 1` it is the accuracy.

    Source:
        `sklearn.metrics.top_k_accuracy_score`, which takes the last of equally probable classes.

    Attributes:
        k: how many classes may be named; fewer than there are.
    """

    kind = "top_k_accuracy"
    k: int = attrs.field(default=2, validator=whole_number)

    def bind(self, schema: Schema) -> Self:
        needs_classes(self, schema)
        classes = len(schema.target.classes)
        if self.k >= classes:
            raise ConfigError(
                [f"metric '{self.name}' needs more than {self.k} classes, and the target has {classes}: lower 'k'"]
            )
        return self

    def of_row(self, predictions: Array, targets: Array, xp: Namespace) -> Array:
        _, named = xp.top_k(predictions, self.k)
        return xp.sum(xp.astype(named == xp.expand_dims(targets, -1), xp.float), axis=-1)


def _right_labels(predictions: Array, targets: Array) -> Array:
    return (predictions >= LIKELY) == (targets > 0)
