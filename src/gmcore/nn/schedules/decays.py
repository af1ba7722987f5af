"""Schedules of one formula that fall, or rise, throughout."""

import math

import attrs
import numpy as np
from attrs.validators import and_, ge, gt, le, lt

from gmcore.nn.schedules.timing import OnTimescale, Spanning, Time

__all__ = ["Exponential", "InverseSqrt", "Linear", "Polynomial"]


@attrs.frozen(kw_only=True)
class Exponential(OnTimescale):
    """Exponential decay: the factor is multiplied by `reduction` over each length, evenly at each step.

    With `per = "epoch"` it changes once an epoch.

    Formula:
        `factor = reduction^(step / length)` with `length` in `steps`, `epochs` or as a `fraction` of training.

    Source:
        `torch.optim.lr_scheduler.ExponentialLR`: stepped at each step with `steps = 1`, once an epoch with `epochs = 1`
        and `per = "epoch"`.

    Attributes:
        reduction: factor over one length, above 0 and at most 1.
    """

    reduction: float = attrs.field(default=0.95, validator=and_(gt(0.0), le(1.0)))

    def at(self, time: Time) -> np.ndarray:
        return np.asarray(self.reduction ** (time.now / self.timescale(time)))


@attrs.frozen(kw_only=True)
class InverseSqrt(OnTimescale):
    """Decay by the inverse square root of time: 1 at first, a half after three lengths.

    After a warm-up of `n` steps, with a length of `n + 1` steps, it is the schedule of the Transformer.

    Formula:
        `factor = √(length / (length + step))` with `length` in `steps`, `epochs` or as a `fraction` of training.

    Source:
        Vaswani et al., "Attention is all you need" (2017), section 5.3, relative to its largest learning rate: with
        `{ use = "warm_up", steps = w - 1, then = { use = "inverse_sqrt", steps = w } }`, step `n` from 1 has the
        factor `min(n / w, √(w / n))`.
    """

    def at(self, time: Time) -> np.ndarray:
        length = self.timescale(time)
        return np.asarray(np.sqrt(length / (length + time.now)))


@attrs.frozen(kw_only=True)
class Linear(Spanning):
    """A straight line from `initial_fraction` to `final_fraction`, where the factor stays.

    Formula:
        `factor = a + (b - a) · p` with `a = initial_fraction`, `b = final_fraction` and `p = min(1, step / length)`;
        `length` is that of training unless it is given in `steps`, `epochs` or as a `fraction`.

    Source:
        `torch.optim.lr_scheduler.LinearLR`, whose defaults are a rise from 1/3 to 1.

    Attributes:
        initial_fraction: factor at the first step, from 0 to 1.
        final_fraction: factor after the length, from 0 to 1.
    """

    initial_fraction: float = attrs.field(default=1.0, validator=and_(ge(0.0), le(1.0)))
    final_fraction: float = attrs.field(default=0.0, validator=and_(ge(0.0), le(1.0)))

    @final_fraction.validator
    def _check_some_factor(self, _: object, final: float) -> None:
        if final == self.initial_fraction == 0:
            raise ValueError("one of initial_fraction and final_fraction must be above 0, got 0 for both")

    def shape(self, progress: np.ndarray) -> np.ndarray:
        return self.initial_fraction + (self.final_fraction - self.initial_fraction) * progress


@attrs.frozen(kw_only=True)
class Polynomial(Spanning):
    """A power of the part of the length that is left, from 1 down to `final_fraction`, where the factor stays.

    Formula:
        `factor = f + (1 - f) · (1 - p)^power` with `f = final_fraction` and `p = min(1, step / length)`; `length` is
        that of training unless it is given in `steps`, `epochs` or as a `fraction`.

    Source:
        `torch.optim.lr_scheduler.PolynomialLR`, with `final_fraction` 0.

    Attributes:
        power: exponent, above 0; 1: a straight line.
        final_fraction: factor after the length, from 0 to 1.
    """

    power: float = attrs.field(default=1.0, validator=and_(gt(0.0), lt(math.inf)))
    final_fraction: float = attrs.field(default=0.0, validator=and_(ge(0.0), le(1.0)))

    def shape(self, progress: np.ndarray) -> np.ndarray:
        return np.asarray(self.final_fraction + (1 - self.final_fraction) * (1 - progress) ** self.power)
