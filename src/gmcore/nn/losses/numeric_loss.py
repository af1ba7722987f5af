"""The base of losses for numeric targets."""

from collections.abc import Mapping
from typing import ClassVar

from gmcore.domain import Target
from gmcore.nn.losses.target_checks import refusal, require_numbers
from gmcore.nn.settings import settings_of
from gmcore.ports import Loss

__all__ = ["NumericLoss"]


class NumericLoss(Loss):
    """Base of losses for numeric targets, of rows or of a batch: their settings, and the check of the target."""

    name: ClassVar[str]
    """The loss's name in a run file, for error messages."""
    each: ClassVar[str] = ""
    """What each column of the target is, such as `"class"`, for a loss that needs several columns."""

    @property
    def settings(self) -> Mapping[str, float]:
        return settings_of(self)

    def check(self, target: Target) -> None:
        require_numbers(target, loss=self.name)
        if self.each and target.width == 1:
            needs = f"{self.name} needs a column for each {self.each}"
            raise refusal(target, needs=needs, holds="a single number", use="mse")
