"""Losses for numeric targets, each one formula of the error."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import attrs
from attrs.validators import and_, gt, lt

from gmcore.domain import Array
from gmcore.nn.losses.numeric_loss import NumericLoss
from gmcore.nn.settings import member_field
from gmcore.ports import Namespace

__all__ = ["AbsoluteError", "ErrorLoss", "Huber", "LogCosh", "Quantile", "SquaredError"]


class ErrorLoss(NumericLoss):
    """Base of losses for numeric targets: a formula of the error, averaged over the outputs of a row."""

    @abstractmethod
    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        """Return the loss of each output, in the shape of `error`: outputs less targets, `(batch, targets)`."""

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        return xp.mean(self.of(outputs - targets, settings=settings, xp=xp), axis=-1)


@attrs.frozen(kw_only=True)
class SquaredError(ErrorLoss):
    """Squared error.

    Formula:
        `mse = error²`, averaged over the targets of a row.

    Source:
        `torch.nn.MSELoss`.
    """

    name: ClassVar = "mse"

    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:  # noqa: ARG002 - none here
        return xp.square(error)


@attrs.frozen(kw_only=True)
class AbsoluteError(ErrorLoss):
    """Absolute error, which the median minimizes.

    Formula:
        `mae = |error|`, averaged over the targets of a row; the gradient at 0 is 0.

    Source:
        `torch.nn.L1Loss`.
    """

    name: ClassVar = "mae"

    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:  # noqa: ARG002 - none here
        return error * xp.sign(error)  # not `abs`, whose gradient at 0 differs between libraries


@attrs.frozen(kw_only=True)
class Huber(ErrorLoss):
    """Huber loss: quadratic for small errors, linear for large ones.

    Formula:
        `huber = error² / 2` for `|error| ≤ delta`, `delta (|error| - delta / 2)` beyond, averaged over the targets of a
        row.

    Source:
        Huber, "Robust estimation of a location parameter" (1964); `torch.nn.HuberLoss`.

    Attributes:
        delta: error at which the loss turns from quadratic to linear, in units of the outputs; above 0. The model `mlp`
            standardises the targets, so there it is in standard deviations of the training targets.
    """

    name: ClassVar = "huber"
    delta: float = member_field(default=1.0, validator=and_(gt(0.0), lt(math.inf)))

    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        size = xp.abs(error)
        near = xp.minimum(size, settings["delta"])
        return near * (size - 0.5 * near)


@attrs.frozen(kw_only=True)
class LogCosh(ErrorLoss):
    """Logarithm of the hyperbolic cosine of the error, which is quadratic for small errors and linear for large ones.

    Formula:
        `log_cosh = log(cosh(error))`, averaged over the targets of a row; for large errors `|error| - log 2`.

    Source:
        `keras.losses.LogCosh`; computed without its overflow and its cancellation near 0.
    """

    name: ClassVar = "log_cosh"

    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:  # noqa: ARG002 - none here
        size = error * xp.sign(error)
        small = xp.minimum(size, 1.0)
        near = xp.log1p(0.5 * xp.exp(small) * xp.square(xp.expm1(-small)))  # `cosh(x) - 1`, which does not cancel
        return xp.where(size < 1, near, size + xp.softplus(-2 * size) - math.log(2))


@attrs.frozen(kw_only=True)
class Quantile(ErrorLoss):
    """Quantile loss, or pinball loss, which a quantile of the targets minimizes.

    With a quantile of 0.9, an output below the target costs nine times as much as one that is as far above, so that
    90 % of the targets are below the outputs. The members of a fleet can differ in `quantile`, one model for each.

    Formula:
        `quantile = (1 - quantile) error` for `error ≥ 0`, `-quantile · error` below, averaged over the targets of a
        row; the gradient at 0 is 0.

    Source:
        Koenker and Bassett, "Regression quantiles" (1978); `sklearn.metrics.mean_pinball_loss`.

    Attributes:
        quantile: the share of targets that the outputs are to exceed, above 0 and below 1.
    """

    name: ClassVar = "quantile"
    quantile: float = member_field(default=0.5, validator=and_(gt(0.0), lt(1.0)))

    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        share = settings["quantile"]
        return (1 - share) * xp.relu(error) + share * xp.relu(-error)
