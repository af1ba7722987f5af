"""Pearson's correlation as a loss."""

from collections.abc import Mapping
from typing import ClassVar

import attrs
from attrs.validators import gt

from gmcore.domain import Array
from gmcore.nn.losses.batch_weights import shares_of
from gmcore.nn.losses.numeric_loss import NumericLoss
from gmcore.ports import BatchLoss, Namespace

__all__ = ["PearsonCorrelation"]


@attrs.frozen(kw_only=True)
class PearsonCorrelation(NumericLoss, BatchLoss):
    """One minus Pearson's correlation of outputs and targets over the rows of a batch, averaged over the columns.

    It is 0 for outputs that are a rising linear function of the targets, 1 for constant outputs, and 2 for a falling
    function. It does not determine the outputs' mean and scale: use it where only their order and proportions count.

    Formula:
        `pearson = 1 - cov(x, y) / sqrt((var(x) + epsilon) (var(y) + epsilon))` for the outputs `x` and targets `y` of a
        column, weighted by the rows' weights.

    Source:
        `torch.corrcoef`; the specification's loss is this one less 1.

    Attributes:
        epsilon: added to the variances, so that the gradient of constant outputs is finite.
    """

    name: ClassVar = "pearson"
    epsilon: float = attrs.field(default=1e-8, validator=gt(0.0))

    def of_batch(
        self, outputs: Array, targets: Array, weights: Array, *, settings: Mapping[str, Array], xp: Namespace
    ) -> Array:
        del settings  # there are none
        share = xp.expand_dims(shares_of(weights, xp), -1)
        x, y = (values - xp.sum(share * values, axis=0) for values in (outputs, targets))
        covariance = xp.sum(share * x * y, axis=0)
        variances = [xp.sum(share * xp.square(values), axis=0) + self.epsilon for values in (x, y)]
        return 1 - xp.mean(covariance / (xp.sqrt(variances[0]) * xp.sqrt(variances[1])))
