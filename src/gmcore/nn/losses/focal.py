"""The focal loss."""

import math
from collections.abc import Mapping

import attrs
from attrs.validators import and_, ge, gt, lt, optional

from gmcore.domain import Array, Target, TargetKind
from gmcore.nn.losses.label_smoothing import SmoothedLoss, smoothed
from gmcore.nn.losses.target_checks import refusal, require_labels
from gmcore.nn.settings import member_field
from gmcore.ports import Namespace

__all__ = ["Focal"]

_LEAST = 1e-37


@attrs.frozen(kw_only=True)
class Focal(SmoothedLoss):
    """Focal loss of classes or of several labels: a cross-entropy in which rows count less that are predicted well.

    Outputs are those of the cross-entropies: for two classes, or each of several labels, one log-odds; or a score for
    each class. With a `gamma` of 0 it is the cross-entropy. Predicted probabilities are less extreme than the
    frequencies of the classes.

    Formula:
        `focal = -w (1 - p_t)^gamma Σ_c q_c log p_c` with `p` the softmax of the scores, or for one output the sigmoid
        and its complement, `q_c = (1 - label_smoothing) [c is the label] + label_smoothing / classes`, and
        `p_t = Σ_c q_c p_c`; `w = alpha q_yes + (1 - alpha) q_no`, or 1 without `alpha`. Averaged over labels.

    Source:
        Lin et al., "Focal loss for dense object detection" (2017); `torchvision.ops.sigmoid_focal_loss`.

    Attributes:
        gamma: how much less well-predicted rows count; at least 0.
        alpha: weight of the second of two classes, or of yes, between 0 and 1, where the other has `1 - alpha`; None
            for weights of 1.
        label_smoothing: share of each label that is spread over all classes evenly, from 0 to below 1.
    """

    gamma: float = member_field(default=2.0, validator=and_(ge(0.0), lt(math.inf)))
    alpha: float | None = attrs.field(default=None, validator=optional(and_(gt(0.0), lt(1.0))))

    def check(self, target: Target) -> None:
        require_labels(target, loss="focal")
        if self.alpha is not None and target.kind is TargetKind.MULTICLASS:
            needs, holds = "focal with alpha needs two classes", str(len(target.classes))
            raise refusal(target, needs=needs, holds=holds, use="focal without alpha, and weights of rows")

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        if outputs.shape[-1] > 1 and targets.ndim < outputs.ndim:
            return self._of_lead(*_lead(outputs, targets, xp), targets, outputs.shape[-1], settings, xp)
        labels = xp.reshape(targets, outputs.shape)
        lead = (2 * xp.astype(labels, xp.float) - 1) * outputs
        return xp.mean(
            self._of_lead(lead, 0.5 * (xp.softplus(lead) + xp.softplus(-lead)), labels, 2, settings, xp), axis=-1
        )

    def _of_lead(
        self, lead: Array, average: Array, labels: Array, classes: int, settings: Mapping[str, Array], xp: Namespace
    ) -> Array:
        """Return the losses, in the shape of `lead`.

        With the log-odds of the label, its probability and that of all others have logarithms that neither overflow nor
        cancel: `log p = -softplus(-lead)` and `log(1 - p) = -softplus(lead)`.

        Args:
            lead: log-odds of the label against all other classes.
            average: mean of `-log p` over the classes.
            labels: class indices.
            classes: the number of classes.
            settings: those of the member.
            xp: the backend's namespace.
        """
        losses, doubt = xp.softplus(-lead), -xp.softplus(lead)
        if "label_smoothing" in settings:
            spread = settings["label_smoothing"]
            losses = (1 - spread) * losses + spread * average
            # At least a number of both dtypes, whose logarithm has a gradient, for a member without smoothing.
            doubt = xp.log(xp.maximum((1 - spread) * xp.exp(doubt) + spread * (1 - 1 / classes), _LEAST))
        if "gamma" in settings:
            losses = xp.exp(settings["gamma"] * doubt) * losses
        if self.alpha is not None:
            yes = smoothed(xp.astype(labels, xp.float), 2, settings)
            losses = (self.alpha * yes + (1 - self.alpha) * (1 - yes)) * losses
        return losses


def _lead(outputs: Array, labels: Array, xp: Namespace) -> tuple[Array, Array]:
    """Return the log-odds of the label, and the mean of `-log p` over the classes, `(batch,)` each."""
    is_label = xp.arange(outputs.shape[-1]) == labels[..., None]
    scores = outputs - xp.stop_gradient(xp.max(outputs, axis=-1, keepdims=True))
    own = xp.sum(xp.where(is_label, scores, 0.0), axis=-1)
    others = xp.logsumexp(xp.where(is_label, -math.inf, scores), axis=-1)
    return own - others, xp.logaddexp(own, others) - xp.mean(scores, axis=-1)
