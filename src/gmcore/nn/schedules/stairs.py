"""Staircases: the factor is multiplied by the same number at each of some steps."""

import attrs
import numpy as np
from attrs.validators import and_, gt, le

from gmcore.nn.schedules.milestones import Milestones
from gmcore.nn.schedules.timing import OnTimescale, Time

__all__ = ["MultiStep", "Step"]


@attrs.frozen(kw_only=True)
class Step(OnTimescale):
    """A staircase: the factor is multiplied by `reduction` after each length.

    Formula:
        `factor = reduction^⌊step / length⌋` with `length` in `steps`, `epochs` or as a `fraction` of training.

    Source:
        `torch.optim.lr_scheduler.StepLR`: stepped once an epoch with `epochs`, at each step with `steps`.

    Attributes:
        reduction: factor between one stair and the next, above 0 and at most 1.
    """

    reduction: float = attrs.field(default=0.1, validator=and_(gt(0.0), le(1.0)))

    def at(self, time: Time) -> np.ndarray:
        return np.asarray(self.reduction ** (time.now // self.timescale(time)))


@attrs.frozen(kw_only=True)
class MultiStep(Milestones):
    """A staircase: the factor is multiplied by `reduction` at each milestone.

    Formula:
        `factor = reduction^n` with `n` the number of milestones `m ≤ step`, in `steps`, `epochs` or `fractions` of
        training.

    Source:
        `torch.optim.lr_scheduler.MultiStepLR`: stepped once an epoch with `epochs`, at each step with `steps`.

    Attributes:
        reduction: factor between one stair and the next, above 0 and at most 1.
    """

    reduction: float = attrs.field(default=0.1, validator=and_(gt(0.0), le(1.0)))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not self.given:
            raise ValueError("MultiStep needs milestones: give steps, epochs or fractions")

    def factor(self, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray) -> np.ndarray:
        time = Time.of(step, total_steps, steps_per_epoch, "step")
        shape = np.broadcast_shapes(step.shape, total_steps.shape, steps_per_epoch.shape)
        passed = sum((time.now >= milestone for milestone in self.milestones(time)), start=np.zeros(shape))
        return np.asarray(self.reduction**passed)
