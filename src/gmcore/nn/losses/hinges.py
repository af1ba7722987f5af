"""Hinge losses of classes."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import attrs
from attrs.validators import and_, gt, lt

from gmcore.domain import Array, Target
from gmcore.nn.losses.target_checks import require_labels
from gmcore.nn.settings import member_field, settings_of
from gmcore.ports import Loss, Namespace

__all__ = ["Hinge", "SquaredHinge"]


@attrs.frozen(kw_only=True)
class _MarginLoss(Loss):
    """Base of losses of what a score lacks to its margin: from 0 for one output, from the other scores for several."""

    name: ClassVar[str]
    margin: float = member_field(default=1.0, validator=and_(gt(0.0), lt(math.inf)))

    @abstractmethod
    def of(self, missing: Array, xp: Namespace) -> Array:
        """Return the loss of what scores lack to the margin, in its shape; `missing` is at least 0."""

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self)

    def check(self, target: Target) -> None:
        require_labels(target, loss=self.name)

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        margin, classes = settings["margin"], outputs.shape[-1]
        if classes == 1 or targets.ndim == outputs.ndim:
            signs = 2 * xp.astype(xp.reshape(targets, outputs.shape), xp.float) - 1
            return xp.mean(self.of(xp.relu(margin - signs * outputs), xp), axis=-1)
        is_label = xp.arange(classes) == targets[..., None]
        of_label = xp.sum(xp.where(is_label, outputs, 0.0), axis=-1, keepdims=True)
        losses = self.of(xp.relu(margin + (outputs - of_label)), xp)
        return xp.mean(xp.where(is_label, 0.0, losses), axis=-1)


@attrs.frozen(kw_only=True)
class Hinge(_MarginLoss):
    """Hinge loss, as of a support vector machine, of classes or of several labels.

    Outputs are scores: only their order is meaningful. The predicted class is right, but predicted probabilities, the
    softmax of the scores, are not those of the classes: use a cross-entropy for metrics such as `log_loss`. There is no
    label smoothing, since a score has no probability. The gradient at the margin is 0.

    Formula:
        One output `z` for two classes, or for each of several labels: `hinge = max(0, margin - y z)` with `y = 1` for
        the second class or yes, else `y = -1`; averaged over labels. A score `x_c` for each class:
        `hinge = Σ_{c ≠ label} max(0, margin - x_label + x_c) / classes`.

    Source:
        Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector machines" (2001), with
        the sum over classes of `torch.nn.MultiMarginLoss` with `p=1`.

    Attributes:
        margin: by how much the right score is to exceed others, or 0 for one output; above 0.
    """

    name: ClassVar = "hinge"

    def of(self, missing: Array, xp: Namespace) -> Array:  # noqa: ARG002 - none is needed
        return missing


@attrs.frozen(kw_only=True)
class SquaredHinge(_MarginLoss):
    """Squared hinge loss of classes or of several labels, which is smooth at the margin.

    As for `hinge`, outputs are scores, and predicted probabilities are not those of the classes.

    Formula:
        As `hinge`, with `max(0, …)²` in place of `max(0, …)`.

    Source:
        `torch.nn.MultiMarginLoss` with `p=2`; for one output, `sklearn.svm.LinearSVC`.

    Attributes:
        margin: by how much the right score is to exceed others, or 0 for one output; above 0.
    """

    name: ClassVar = "squared_hinge"

    def of(self, missing: Array, xp: Namespace) -> Array:
        return xp.square(missing)
