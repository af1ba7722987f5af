"""Cross-entropies of classes, in nats."""

from collections.abc import Mapping

import attrs
import numpy as np

from gmcore.domain import Array, Target, TargetKind
from gmcore.nn.losses.label_smoothing import SmoothedLoss, smoothed
from gmcore.nn.losses.target_checks import refusal, require_classes
from gmcore.nn.losses.target_values import require_range
from gmcore.ports import Namespace

__all__ = ["BinaryCrossEntropy", "CrossEntropy"]


@attrs.frozen(kw_only=True)
class CrossEntropy(SmoothedLoss):
    """Cross-entropy of class targets with unnormalized scores.

    Outputs have one score for each class; or, for two classes, one number, the log-odds of the second class, for which
    it is the binary cross-entropy.

    Formula:
        `cross_entropy = -Σ_c q_c log p_c` with `p = softmax(scores)`, and `q_c = 1 - label_smoothing` for the label, 0
        for other classes, plus `label_smoothing / classes` for each.

    Source:
        `torch.nn.CrossEntropyLoss`; label smoothing: Szegedy et al., "Rethinking the Inception architecture for
        computer vision" (2016).

    Attributes:
        label_smoothing: share of each label that is spread over all classes evenly, from 0 to below 1.
    """

    def check(self, target: Target) -> None:
        require_classes(target, loss="cross_entropy")

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        if outputs.shape[-1] == 1:
            return _binary(outputs, targets, settings, xp)
        if "label_smoothing" in settings:
            return _of_smoothed(outputs, targets, settings["label_smoothing"], xp)
        # Selected by a mask, since the gradient of a gather is a slow scatter on every backend.
        is_label = xp.arange(outputs.shape[-1]) == targets[..., None]
        # Less the largest one, since the loss of a row that is predicted right is small beside its scores.
        scores = outputs - xp.stop_gradient(xp.max(outputs, axis=-1, keepdims=True))
        # `logsumexp + sum(-score)` rather than a difference, so that every backend adds the two gradients alike.
        return xp.logsumexp(scores, axis=-1) + xp.sum(xp.where(is_label, -scores, 0.0), axis=-1)


@attrs.frozen(kw_only=True)
class BinaryCrossEntropy(SmoothedLoss):
    """Cross-entropy of yes/no targets with log-odds, averaged over the outputs of a row.

    The target is a column of two classes, several labels, or one or several numeric columns from 0 to 1, which the
    model must not rescale.

    Formula:
        `binary_cross_entropy = -q log p - (1 - q) log(1 - p)` with `p = sigmoid(output)` and
        `q = (1 - label_smoothing) target + label_smoothing / 2`.

    Source:
        `torch.nn.BCEWithLogitsLoss`; label smoothing as in `torch.nn.CrossEntropyLoss`.

    Attributes:
        label_smoothing: share of each label that is spread over yes and no evenly, from 0 to below 1.
    """

    def check(self, target: Target) -> None:
        if target.kind is TargetKind.MULTICLASS:
            needs, holds = "binary_cross_entropy needs two classes", str(len(target.classes))
            raise refusal(target, needs=needs, holds=holds, use="cross_entropy")

    def check_targets(self, targets: np.ndarray) -> None:
        """Raise `DataError` for a number that is no probability."""
        require_range(targets, loss="binary_cross_entropy", needs="probabilities from 0 to 1", most=1.0)

    def predictions(self, outputs: Array, *, xp: Namespace) -> Array:
        """Return the probabilities of yes, for numeric targets."""
        return xp.sigmoid(outputs)

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        return _binary(outputs, targets, settings, xp)


def _binary(logits: Array, targets: Array, settings: Mapping[str, Array], xp: Namespace) -> Array:
    """Return the binary cross-entropy, `(batch,)`.

    Of labels it is `softplus(-z)` for yes and `softplus(z)` for no, accurate to the last places for any `z`, where
    `softplus(z) - target * z` cancels.

    Args:
        logits: log-odds of yes, `(batch, outputs)`.
        targets: labels 0 or 1, int32, or numbers from 0 to 1, `(batch, outputs)`, or `(batch,)` for one output.
        settings: with or without `label_smoothing`.
        xp: the backend's namespace.
    """
    yes = xp.astype(xp.reshape(targets, logits.shape), xp.float)
    if targets.dtype == xp.int32 and "label_smoothing" not in settings:
        return xp.mean(xp.softplus((1 - 2 * yes) * logits), axis=-1)
    share = smoothed(yes, 2, settings)
    return xp.mean(share * xp.softplus(-logits) + (1 - share) * xp.softplus(logits), axis=-1)


def _of_smoothed(logits: Array, targets: Array, label_smoothing: Array, xp: Namespace) -> Array:
    """Return the cross-entropy with smoothed labels, `(batch,)`."""
    log_probabilities = xp.log_softmax(logits, axis=-1)
    of_label = xp.sum(xp.one_hot(targets, logits.shape[-1]) * log_probabilities, axis=-1)
    return -((1 - label_smoothing) * of_label + label_smoothing * xp.mean(log_probabilities, axis=-1))
