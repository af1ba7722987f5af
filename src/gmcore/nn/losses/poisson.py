"""The loss for counts."""

import math
from collections.abc import Mapping
from typing import ClassVar

import attrs
import numpy as np
from attrs.validators import and_, gt, instance_of, lt

from gmcore.domain import Array
from gmcore.nn.losses.numeric_loss import NumericLoss
from gmcore.nn.losses.target_values import require_range
from gmcore.ports import Namespace

__all__ = ["Poisson"]


@attrs.frozen(kw_only=True)
class Poisson(NumericLoss):
    """Negative log-likelihood of counts, or other numbers of at least 0, under Poisson distributions.

    Outputs are logarithms of the expected counts, so predictions are their exponentials. The model must not rescale
    the targets.

    Formula:
        `poisson = exp(output) - target · output`; without `log_input`, `output - target log(output + epsilon)`. With
        `full`, `target log target - target + log(2π target) / 2` is added for targets above 1. Averaged over the
        targets of a row.

    Source:
        `torch.nn.PoissonNLLLoss`.

    Attributes:
        log_input: whether outputs are logarithms of expected counts; if not, they are the counts, which the model must
            keep positive.
        full: whether Stirling's approximation of the term that depends on the target alone is added; it changes no
            gradient.
        epsilon: added to outputs that are no logarithms, so that the logarithm of 0 is finite.
    """

    name: ClassVar = "poisson"
    log_input: bool = attrs.field(default=True, validator=instance_of(bool))
    full: bool = attrs.field(default=False, validator=instance_of(bool))
    epsilon: float = attrs.field(default=1e-8, validator=and_(gt(0.0), lt(math.inf)))

    def check_targets(self, targets: np.ndarray) -> None:
        """Raise `DataError` for a negative number."""
        require_range(targets, loss=self.name, needs="counts, numbers of at least 0")

    def predictions(self, outputs: Array, *, xp: Namespace) -> Array:
        """Return the expected counts."""
        return xp.exp(outputs) if self.log_input else outputs

    def of_rows(
        self,
        outputs: Array,
        targets: Array,
        *,
        settings: Mapping[str, Array],  # noqa: ARG002 - none here
        xp: Namespace,
    ) -> Array:
        if self.log_input:
            losses = xp.exp(outputs) - targets * outputs
        else:
            losses = outputs - targets * xp.log(outputs + self.epsilon)
        if self.full:
            counts = xp.where(targets > 1, targets, 1.0)
            stirling = counts * xp.log(counts) - counts + 0.5 * xp.log(2 * math.pi * counts)
            losses = losses + xp.where(targets > 1, stirling, 0.0)
        return xp.mean(losses, axis=-1)
