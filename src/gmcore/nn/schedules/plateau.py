"""A learning rate that falls when the loss no longer improves."""

import math
from typing import Literal

import attrs
import numpy as np
from attrs.validators import and_, ge, gt, in_, le, lt

from gmcore.domain import Array, Tree
from gmcore.ports import Feedback, Namespace, Schedule, SupportsFeedback

__all__ = ["Plateau"]


def _check_threshold(plateau: "Plateau", _: "attrs.Attribute[float]", threshold: float) -> None:
    if plateau.threshold_mode == "relative" and threshold >= 1:
        raise ValueError(f"threshold must be below 1 if it is relative to the loss, got {threshold}")


@attrs.frozen(kw_only=True)
class Plateau(Schedule, SupportsFeedback, Feedback):
    """Multiplies the learning rate by `reduction` after epochs without improvement.

    The loss is that of the rows to stop on, or the training loss without such rows. It is compared on the device at the
    end of each epoch, for each member of a fleet.

    Formula:
        An epoch improves if `loss < lowest · (1 - threshold)`, or `loss < lowest - threshold` by `"absolute"`. After
        `patience` epochs in a row without improvement, the next one sets `factor = max(factor · reduction, floor)`, and
        counting begins again after `cooldown` epochs.

    Source:
        `torch.optim.lr_scheduler.ReduceLROnPlateau` with `eps=0`.

    Attributes:
        reduction: factor of the learning rate at each reduction.
        patience: epochs without improvement that are ignored; the next one reduces the learning rate.
        threshold: by how much a loss must be lower than the lowest one so far to be an improvement.
        threshold_mode: whether the threshold is `"relative"` to the lowest loss so far, or `"absolute"`, for losses
            that can be negative.
        cooldown: epochs after a reduction that do not count as without improvement.
        floor: smallest factor of the planned learning rate.
    """

    reduction: float = attrs.field(default=0.1, validator=and_(gt(0.0), lt(1.0)))
    patience: int = attrs.field(default=10, validator=ge(0))
    threshold: float = attrs.field(default=1e-4, validator=and_(ge(0.0), lt(math.inf), _check_threshold))
    threshold_mode: Literal["relative", "absolute"] = attrs.field(
        default="relative", validator=in_(("relative", "absolute"))
    )
    cooldown: int = attrs.field(default=0, validator=ge(0))
    floor: float = attrs.field(default=0.0, validator=and_(ge(0.0), le(1.0)))

    def factor(self, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray) -> np.ndarray:
        return np.ones(np.broadcast_shapes(step.shape, total_steps.shape, steps_per_epoch.shape))

    @property
    def feedback(self) -> Feedback:
        return self

    def initial(self, members: int) -> dict[str, np.ndarray]:
        return {
            "scale": np.ones(members),
            "lowest": np.full(members, np.inf),
            "without_improvement": np.zeros(members, np.int32),
            "cooling": np.zeros(members, np.int32),
        }

    def after_epoch(self, state: Tree, loss: Array, *, xp: Namespace) -> Tree:
        lowest, cooling = state["lowest"], state["cooling"]
        needed = lowest * (1 - self.threshold) if self.threshold_mode == "relative" else lowest - self.threshold
        improved = loss < needed
        without = xp.where(improved | (cooling > 0), 0, state["without_improvement"] + 1)
        reduces = without > self.patience
        return {
            "scale": xp.where(reduces, xp.maximum(state["scale"] * self.reduction, self.floor), state["scale"]),
            "lowest": xp.where(improved, loss, lowest),
            "without_improvement": xp.where(reduces, 0, without),
            "cooling": xp.where(reduces, self.cooldown, xp.maximum(cooling - 1, 0)),
        }
