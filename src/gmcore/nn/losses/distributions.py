"""Losses for probabilities of all classes, in nats."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import attrs
import numpy as np

from gmcore.domain import Array
from gmcore.nn.losses.label_smoothing import SmoothedLoss, smoothed
from gmcore.nn.losses.numeric_loss import NumericLoss
from gmcore.nn.losses.target_values import require_range, require_sums_of_one
from gmcore.ports import Namespace

__all__ = ["DenseCrossEntropy", "KLDivergence"]


class _DistributionLoss(SmoothedLoss, NumericLoss):
    """Base of losses for a numeric column of probabilities for each class, whose outputs are unnormalized scores."""

    each: ClassVar = "class"

    @abstractmethod
    def of(self, shares: Array, log_probabilities: Array, xp: Namespace) -> Array:
        """Return the loss of each class, in the shape of both, `(batch, classes)`."""

    def check_targets(self, targets: np.ndarray) -> None:
        """Raise `DataError` for a number that is no probability, and for rows of which they do not sum to 1."""
        require_range(targets, loss=self.name, needs="probabilities from 0 to 1", most=1.0)
        require_sums_of_one(targets, loss=self.name)

    def predictions(self, outputs: Array, *, xp: Namespace) -> Array:
        """Return the probabilities of the classes."""
        return xp.softmax(outputs, axis=-1)

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        shares = smoothed(targets, outputs.shape[-1], settings)
        return xp.sum(self.of(shares, xp.log_softmax(outputs, axis=-1), xp), axis=-1)


@attrs.frozen(kw_only=True)
class DenseCrossEntropy(_DistributionLoss):
    """Cross-entropy of class probabilities with unnormalized scores.

    The target is a numeric column for each class; the columns of a row sum to 1, and the model must not rescale them.

    Formula:
        `dense_cross_entropy = -Σ_c q_c log p_c` with `p = softmax(scores)` and
        `q_c = (1 - label_smoothing) target_c + label_smoothing / classes`.

    Source:
        `torch.nn.CrossEntropyLoss` with probabilities as targets.

    Attributes:
        label_smoothing: share of each probability that is spread over all classes evenly, from 0 to below 1.
    """

    name: ClassVar = "dense_cross_entropy"

    def of(self, shares: Array, log_probabilities: Array, xp: Namespace) -> Array:  # noqa: ARG002 - none is needed
        return -shares * log_probabilities


@attrs.frozen(kw_only=True)
class KLDivergence(_DistributionLoss):
    """Kullback-Leibler divergence of predicted class probabilities from those of the target.

    It is the dense cross-entropy less the entropy of the target, so it has the same gradient, and is 0 for the
    probabilities of the target. The target is a numeric column for each class; the columns of a row sum to 1, and the
    model must not rescale them.

    Formula:
        `kl_divergence = Σ_c q_c (log q_c - log p_c)` with `p = softmax(scores)` and
        `q_c = (1 - label_smoothing) target_c + label_smoothing / classes`; `q_c` of 0 contributes 0.

    Source:
        Kullback and Leibler, "On information and sufficiency" (1951); `torch.nn.KLDivLoss` of `log_softmax`, summed
        over the classes.

    Attributes:
        label_smoothing: share of each probability that is spread over all classes evenly, from 0 to below 1.
    """

    name: ClassVar = "kl_divergence"

    def of(self, shares: Array, log_probabilities: Array, xp: Namespace) -> Array:
        return shares * (xp.log(xp.where(shares > 0, shares, 1.0)) - log_probabilities)
