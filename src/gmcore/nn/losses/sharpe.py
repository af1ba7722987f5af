"""The Sharpe ratio of a portfolio as a loss."""

from collections.abc import Mapping
from typing import ClassVar

import attrs

from gmcore.domain import Array
from gmcore.nn.losses.batch_weights import shares_of
from gmcore.nn.losses.numeric_loss import NumericLoss
from gmcore.ports import BatchLoss, Namespace

__all__ = ["SharpeRatio"]

_LEAST_DEVIATION = 1e-8


@attrs.frozen(kw_only=True)
class SharpeRatio(NumericLoss, BatchLoss):
    """Negative Sharpe ratio of the returns of a portfolio over the rows of a batch.

    The targets of a row are the returns of the assets, a column for each, which the model must not rescale; a column of
    zeros is cash. The softmax of the outputs is the share of each asset, so positions are long and sum to 1; these
    shares are the predictions. The ratio is that of the rows' period, not annualized. The larger the batch, the better
    its mean and deviation stand for all rows.

    Formula:
        `sharpe = -mean(r) / std(r)` over the rows, with `r = Σ_a softmax(outputs)_a return_a` in each, weighted by the
        rows' weights; `std` is the population standard deviation. Loss and gradient are 0 where `std < 1e-8`.

    Source:
        Sharpe, "The Sharpe ratio" (1994); Zhang, Zohren and Roberts, "Deep learning for portfolio optimization" (2020).
    """

    name: ClassVar = "sharpe"
    each: ClassVar = "asset"

    def predictions(self, outputs: Array, *, xp: Namespace) -> Array:
        """Return the share of each asset in the portfolio."""
        return xp.softmax(outputs, axis=-1)

    def of_batch(
        self, outputs: Array, targets: Array, weights: Array, *, settings: Mapping[str, Array], xp: Namespace
    ) -> Array:
        del settings  # there are none
        returns, share = xp.sum(xp.softmax(outputs, axis=-1) * targets, axis=-1), shares_of(weights, xp)
        mean = xp.sum(share * returns)
        variance = xp.sum(share * xp.square(returns - mean))
        varies = variance >= _LEAST_DEVIATION**2
        # The gradient of the square root of 0 is infinite, and times 0 not a number.
        return xp.where(varies, -mean / xp.sqrt(xp.where(varies, variance, 1.0)), 0.0)
