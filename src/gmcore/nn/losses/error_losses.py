"""Losses for numeric targets, each one formula of the error."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import attrs
from attrs.validators import and_, gt, lt

from gmcore.domain import Array, Target
from gmcore.nn.losses.target_checks import require_numbers
from gmcore.nn.settings import member_field, settings_of
from gmcore.ports import Loss, Namespace

__all__ = ["AbsoluteError", "ErrorLoss", "Huber", "SquaredError"]


class ErrorLoss(Loss):
    """Base of losses for numeric targets: a formula of the error, averaged over the outputs of a row."""

    name: ClassVar[str]
    """The loss's name in a run file, for error messages."""

    @abstractmethod
    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        """Return the loss of each output, in the shape of `error`: outputs less targets, `(batch, targets)`."""

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self)

    def check(self, target: Target) -> None:
        require_numbers(target, loss=self.name)

    def of_rows(self, outputs: Array, targets: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        return xp.mean(self.of(outputs - targets, settings=settings, xp=xp), axis=-1)


@attrs.frozen(kw_only=True)
class SquaredError(ErrorLoss):
    """Squared error, `error²`."""

    name: ClassVar = "mse"

    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:  # noqa: ARG002 - none here
        return xp.square(error)


@attrs.frozen(kw_only=True)
class AbsoluteError(ErrorLoss):
    """Absolute error, `|error|`; its gradient at 0 is 0."""

    name: ClassVar = "mae"

    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:  # noqa: ARG002 - none here
        return error * xp.sign(error)  # not `abs`, whose gradient at 0 differs between libraries


@attrs.frozen(kw_only=True)
class Huber(ErrorLoss):
    """Huber loss, `error² / 2` up to an error of `delta`, `delta (|error| - delta / 2)` beyond (Huber, 1964).

    Attributes:
        delta: error at which the loss turns from quadratic to linear, in units of the targets; above 0.
    """

    name: ClassVar = "huber"
    delta: float = member_field(default=1.0, validator=and_(gt(0.0), lt(math.inf)))

    def of(self, error: Array, *, settings: Mapping[str, Array], xp: Namespace) -> Array:
        size = xp.abs(error)
        near = xp.minimum(size, settings["delta"])
        return near * (size - 0.5 * near)
