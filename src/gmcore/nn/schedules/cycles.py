"""Schedules that rise and fall again and again."""

from typing import Literal

import attrs
import numpy as np
from attrs.validators import and_, ge, gt, in_, le, lt

from gmcore.nn.schedules.timing import OnTimescale, Time

__all__ = ["CosineRestarts", "Cyclic"]


@attrs.frozen(kw_only=True)
class CosineRestarts(OnTimescale):
    """Half a cosine from 1 down to `final_fraction`, again and again, each cycle `growth` times as long as the last.

    Formula:
        `factor = f + (1 - f) · (1 + cos(π · t / n)) / 2` with `f = final_fraction`, at step `t` of a cycle of `n`
        steps; `n = length · growth^k` for cycle `k` from 0, with `length` in `steps`, `epochs` or as a `fraction` of
        training.

    Source:
        Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017);
        `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts` with `T_0 = length` and `T_mult = growth`.

    Attributes:
        growth: length of each cycle relative to the one before, a whole number of at least 1.
        final_fraction: factor at the end of each cycle, from 0 to 1.
    """

    growth: int = attrs.field(default=1, validator=ge(1))
    final_fraction: float = attrs.field(default=0.0, validator=and_(ge(0.0), le(1.0)))

    def at(self, time: Time) -> np.ndarray:
        first = self.timescale(time)
        cycle = self._cycle(time.now, first)
        progress = (time.now - self._start(cycle, first)) / (first * np.power(float(self.growth), cycle))
        return np.asarray(self.final_fraction + (1 - self.final_fraction) * (1 + np.cos(np.pi * progress)) / 2)

    def _start(self, cycle: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Return the step at which a cycle starts."""
        if self.growth == 1:
            return np.asarray(cycle * first)
        return np.asarray(first * (np.power(float(self.growth), cycle) - 1) / (self.growth - 1))

    def _cycle(self, now: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Return the number of cycles that are over."""
        if self.growth == 1:
            return np.asarray(now // first)
        near = np.floor(np.log1p(now / first * (self.growth - 1)) / np.log(self.growth))
        # The logarithm may be rounded to the other side of a whole number.
        near += self._start(near + 1, first) <= now
        return np.asarray(near - (self._start(near, first) > now))


@attrs.frozen(kw_only=True)
class Cyclic(OnTimescale):
    """A straight line from `lowest_fraction` up to 1 and down again, again and again.

    Formula:
        `factor = l + (1 - l) · h · s` with `l = lowest_fraction`; `h = p / rise` for `p ≤ rise`, else
        `h = (1 - p) / (1 - rise)`, after the part `p` of a cycle, whose length is in `steps`, `epochs` or a `fraction`
        of training; `s = 1` for `"triangular"`, `s = 2^-k` in cycle `k` from 0 for `"triangular2"`, and
        `s = reduction^step` for `"exp_range"`.

    Source:
        Smith, "Cyclical learning rates for training neural networks" (2017); `torch.optim.lr_scheduler.CyclicLR` with
        `step_size_up = rise · length`, `step_size_down = (1 - rise) · length` and `gamma = reduction`.

    Attributes:
        lowest_fraction: factor between cycles, from 0 to below 1.
        rise: part of a cycle in which the factor rises, between 0 and 1.
        mode: `"triangular"`: all cycles rise to 1; `"triangular2"`: each rises half as high as the last;
            `"exp_range"`: the height is multiplied by `reduction` at each step.
        reduction: for `"exp_range"`, above 0 and at most 1; with `per = "epoch"` at each epoch.
    """

    lowest_fraction: float = attrs.field(default=0.25, validator=and_(ge(0.0), lt(1.0)))
    rise: float = attrs.field(default=0.5, validator=and_(gt(0.0), lt(1.0)))
    mode: Literal["triangular", "triangular2", "exp_range"] = attrs.field(
        default="triangular", validator=in_(("triangular", "triangular2", "exp_range"))
    )
    reduction: float = attrs.field(default=1.0, validator=and_(gt(0.0), le(1.0)))

    @reduction.validator
    def _check_mode(self, _: object, reduction: float) -> None:
        if reduction != 1 and self.mode != "exp_range":
            raise ValueError(f'reduction is for mode = "exp_range", got {reduction} with {self.mode!r}')

    def at(self, time: Time) -> np.ndarray:
        length = self.timescale(time)
        cycle, place = time.now // length, time.now % length / length
        height = np.where(place <= self.rise, place / self.rise, (1 - place) / (1 - self.rise))
        if self.mode == "triangular2":
            height = height * np.exp2(-cycle)
        return np.asarray(self.lowest_fraction + (1 - self.lowest_fraction) * height * self.reduction**time.now)
