"""Cross-entropies, in nats."""

from collections.abc import Mapping

import attrs
from attrs.validators import and_, ge, lt

from gmcore.domain import Array, Target, TargetKind
from gmcore.nn.losses.target_checks import refusal, require_classes, require_numbers
from gmcore.nn.settings import member_field, settings_of
from gmcore.ports import Loss, Namespace

__all__ = ["BinaryCrossEntropy", "CrossEntropy", "DenseCrossEntropy"]


@attrs.frozen(kw_only=True)
class _SmoothedLoss(Loss):
    """Base of losses with label smoothing, which is a setting of the members only where it is above 0."""

    label_smoothing: float = member_field(default=0.0, validator=and_(ge(0.0), lt(1.0)))

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self) if self.label_smoothing else {}


@attrs.frozen(kw_only=True)
class CrossEntropy(_SmoothedLoss):
    """Cross-entropy of class targets with unnormalized scores, by the formula of `torch.nn.CrossEntropyLoss`.

    Outputs have one score for each class; or, for two classes, one number, the log-odds of the second class, for which
    it is the binary cross-entropy.

    Attributes:
        label_smoothing: share of each label that is spread over all classes evenly, from 0 to below 1
            (Szegedy et al., 2016).
    """

    def check(self, target: Target) -> None:
        require_classes(target, loss="cross_entropy")

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        if outputs.shape[-1] == 1:
            return _binary(outputs, targets, settings, xp)
        if "label_smoothing" in settings:
            return _smoothed(outputs, targets, settings["label_smoothing"], xp)
        # Selected by a mask, since the gradient of a gather is a slow scatter on every backend.
        is_label = xp.arange(outputs.shape[-1]) == targets[..., None]
        # Less the largest one, since the loss of a row that is predicted right is small beside its scores.
        scores = outputs - xp.stop_gradient(xp.max(outputs, axis=-1, keepdims=True))
        # `logsumexp + sum(-score)` rather than a difference, so that every backend adds the two gradients alike.
        return xp.logsumexp(scores, axis=-1) + xp.sum(xp.where(is_label, -scores, 0.0), axis=-1)


@attrs.frozen(kw_only=True)
class BinaryCrossEntropy(_SmoothedLoss):
    """Cross-entropy of yes/no targets with log-odds, averaged over the outputs of a row.

    The target is a column of two classes, or one or several numeric columns of 0 and 1, which the model must not
    rescale.

    Attributes:
        label_smoothing: share of each label that is spread over yes and no evenly, from 0 to below 1.
    """

    def check(self, target: Target) -> None:
        if target.kind is TargetKind.MULTICLASS:
            needs, holds = "binary_cross_entropy needs two classes", str(len(target.classes))
            raise refusal(target, needs=needs, holds=holds, use="cross_entropy")

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        return _binary(outputs, targets, settings, xp)


@attrs.frozen(kw_only=True)
class DenseCrossEntropy(Loss):
    """Cross-entropy of class probabilities with unnormalized scores.

    The target is a numeric column for each class; the columns of a row sum to 1, and the model must not rescale them.
    """

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self)

    def check(self, target: Target) -> None:
        require_numbers(target, loss="dense_cross_entropy")
        if target.width == 1:
            needs = "dense_cross_entropy needs a column for each class"
            raise refusal(target, needs=needs, holds="a single number", use="mse")

    def of_rows(
        self,
        outputs: Array,
        targets: Array,
        *,
        settings: Mapping[str, Array],  # noqa: ARG002 - none here
        xp: Namespace,
    ) -> Array:
        return -xp.sum(targets * xp.log_softmax(outputs, axis=-1), axis=-1)


def _binary(logits: Array, targets: Array, settings: Mapping[str, Array], xp: Namespace) -> Array:
    """Return the binary cross-entropy, `(batch,)`.

    It is `softplus(-z)` for yes and `softplus(z)` for no, accurate to the last places for any `z`, where
    `softplus(z) - target * z` cancels.

    Args:
        logits: log-odds of yes, `(batch, outputs)`.
        targets: 0 or 1, `(batch, outputs)`, or `(batch,)` for one output.
        settings: with or without `label_smoothing`.
        xp: the backend's namespace.
    """
    signs = 1 - 2 * xp.astype(xp.reshape(targets, logits.shape), xp.float)
    losses = xp.softplus(signs * logits)
    if "label_smoothing" in settings:
        other = 0.5 * settings["label_smoothing"]
        losses = (1 - other) * losses + other * xp.softplus(-signs * logits)
    return xp.mean(losses, axis=-1)


def _smoothed(logits: Array, targets: Array, label_smoothing: Array, xp: Namespace) -> Array:
    """Return the cross-entropy with smoothed labels, `(batch,)`."""
    log_probabilities = xp.log_softmax(logits, axis=-1)
    of_label = xp.sum(xp.one_hot(targets, logits.shape[-1]) * log_probabilities, axis=-1)
    return -((1 - label_smoothing) * of_label + label_smoothing * xp.mean(log_probabilities, axis=-1))
