"""One cycle: a rise to the learning rate, and a longer fall to almost nothing."""

from typing import Literal

import attrs
import numpy as np
from attrs.validators import and_, ge, gt, in_, instance_of, lt

from gmcore.nn.schedules.timing import Time, Timed

__all__ = ["OneCycle"]

_BELOW_ONE = and_(ge(0.0), lt(1.0))
_TINY = 1e-9  # steps; trainings of a few steps have no rise


@attrs.frozen(kw_only=True)
class OneCycle(Timed):
    """A rise from `initial_fraction` to 1, and a fall to `final_fraction` at the last step.

    The learning rate is its maximum. Momentum is not changed.

    Formula:
        From `initial_fraction` at step 0 to 1 at step `p = rise · total_steps - 1`, and down to `final_fraction` at the
        last step, `total_steps - 1`; with `three_phases` first down to `initial_fraction` at step `2 · p`. Between `a`
        and `b`, after a part `t` of the way, the factor is `b + (a - b) · (1 + cos(π · t)) / 2` by `"cosine"`, and
        `a + (b - a) · t` by `"linear"`.

    Source:
        Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates" (2017);
        `torch.optim.lr_scheduler.OneCycleLR` with `pct_start = rise`, `div_factor = 1 / initial_fraction` and
        `final_div_factor = initial_fraction / final_fraction`.

    Attributes:
        rise: part of training in which the factor rises, between 0 and 1, with `three_phases` below 1/2.
        initial_fraction: factor at the first step, from 0 to below 1.
        final_fraction: factor at the last step, from 0 to below 1.
        anneal: form of the rise and of the fall, `"cosine"` or `"linear"`.
        three_phases: whether the fall is as long as the rise, down to `initial_fraction`, and goes on from there.
    """

    rise: float = attrs.field(default=0.3, validator=and_(gt(0.0), lt(1.0)))
    initial_fraction: float = attrs.field(default=0.04, validator=_BELOW_ONE)
    final_fraction: float = attrs.field(default=4e-6, validator=_BELOW_ONE)
    anneal: Literal["cosine", "linear"] = attrs.field(default="cosine", validator=in_(("cosine", "linear")))
    three_phases: bool = attrs.field(default=False, validator=instance_of(bool))

    @three_phases.validator
    def _check_phases(self, _: object, three_phases: bool) -> None:
        if three_phases and 2 * self.rise >= 1:
            raise ValueError(f"rise must be below 1/2 with three_phases, to fall in as many steps, got {self.rise}")

    def at(self, time: Time) -> np.ndarray:
        zero, top, last = np.array(0.0), self.rise * time.total - 1, time.total - 1
        rising = self._between(time.now, (zero, self.initial_fraction), (top, 1.0))
        if not self.three_phases:
            return np.where(time.now <= top, rising, self._between(time.now, (top, 1.0), (last, self.final_fraction)))
        falling = self._between(time.now, (top, 1.0), (2 * top, self.initial_fraction))
        after = self._between(time.now, (2 * top, self.initial_fraction), (last, self.final_fraction))
        return np.where(time.now <= top, rising, np.where(time.now <= 2 * top, falling, after))

    def _between(self, now: np.ndarray, start: tuple[np.ndarray, float], end: tuple[np.ndarray, float]) -> np.ndarray:
        """Return the factor between two steps with known factors; the second one's if the steps are in no order."""
        (first, one), (last, other) = start, end
        progress = np.clip((now - first) / np.maximum(_TINY, last - first), 0.0, 1.0)
        part = (1 - np.cos(np.pi * progress)) / 2 if self.anneal == "cosine" else progress
        return np.asarray(one + (other - one) * part)
