"""What schedules share: time in steps or in epochs, and lengths in steps, in epochs or as a fraction of training."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal

import attrs
import numpy as np
from attrs.validators import and_, ge, in_, le, lt, optional

from gmcore.ports import Schedule, SupportsDuration

__all__ = ["OnTimescale", "Spanning", "Time", "Timed", "WithLength", "check_duration"]

_LENGTHS = ("steps", "epochs", "fraction")


@attrs.frozen(kw_only=True, eq=False)
class Time:
    """The steps to evaluate, counted in steps or in epochs: float64 arrays that broadcast with each other.

    Attributes:
        now: steps, or whole epochs, before each.
        total: steps or epochs of the whole training.
        epoch: steps of an epoch, at least 1; 1 if time is counted in epochs.
        unit: steps of what is counted: 1, or those of an epoch.
    """

    now: np.ndarray
    total: np.ndarray
    epoch: np.ndarray
    unit: np.ndarray

    @classmethod
    def of(
        cls, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray, per: Literal["step", "epoch"]
    ) -> "Time":
        """Return the time of steps, from the arguments of `Schedule.factor`."""
        now, total = np.asarray(step, np.float64), np.asarray(total_steps, np.float64)
        epoch, one = np.maximum(1.0, steps_per_epoch), np.array(1.0)
        if per == "epoch":
            return cls(now=now // epoch, total=total / epoch, epoch=one, unit=epoch)
        return cls(now=now, total=total, epoch=epoch, unit=one)

    def progress(self, length: np.ndarray) -> np.ndarray:
        """Return the part of a length, in this time's unit, that is over, from 0 to 1."""
        return np.asarray(np.clip(self.now / np.maximum(1.0, length), 0.0, 1.0))


@attrs.frozen(kw_only=True)
class Timed(Schedule):
    """Base of schedules that change at each step or at each epoch.

    Attributes:
        per: whether the factor changes at each `"step"`, or is that of the first step for a whole `"epoch"`, with time
            counted in epochs.
    """

    per: Literal["step", "epoch"] = attrs.field(default="step", validator=in_(("step", "epoch")))

    @abstractmethod
    def at(self, time: Time) -> np.ndarray:
        """Return the factor at each time, which may have fewer axes than the time's arrays have together."""

    def factor(self, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray) -> np.ndarray:
        found = self.at(Time.of(step, total_steps, steps_per_epoch, self.per))
        return np.broadcast_to(found, np.broadcast_shapes(step.shape, total_steps.shape, steps_per_epoch.shape))


@attrs.frozen(kw_only=True)
class WithLength(Timed):
    """Base of schedules with a length, given in one form at most. It is rounded to whole steps, or epochs by `per`.

    Attributes:
        steps: the length in steps.
        epochs: the length in epochs of the member.
        fraction: the length as a fraction of the whole training, or for a schedule within another one, of its part.
    """

    steps: int | None = attrs.field(default=None, validator=optional(ge(0)))
    epochs: float | None = attrs.field(default=None, validator=optional(and_(ge(0.0), lt(np.inf))))
    fraction: float | None = attrs.field(default=None, validator=optional(and_(ge(0.0), le(1.0))))

    def __attrs_post_init__(self) -> None:
        if len(self.given) > 1:
            both = " and ".join(f"{name} = {value}" for name, value in self.given.items())
            raise ValueError(f"give one of steps, epochs and fraction, got {both}")
        if self.per == "epoch" and self.steps is not None:
            raise ValueError(f'give epochs instead of steps with per = "epoch", got steps = {self.steps}')

    @property
    def given(self) -> dict[str, float]:
        """The form in which the length is given, with its value; empty if it is not given."""
        return {name: value for name in _LENGTHS if (value := getattr(self, name)) is not None}

    def length(self, time: Time) -> np.ndarray:
        """Return the length in the unit of `time`; 0 if it is not given."""
        if self.steps is not None:
            return np.array(float(self.steps))
        if self.epochs is not None:
            return np.rint(self.epochs * time.epoch)
        return np.rint((self.fraction or 0.0) * time.total)


@attrs.frozen(kw_only=True)
class Spanning(WithLength):
    """Base of schedules that go from one factor to another over a length, and stay there.

    Without a length they span all of training.
    """

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        _check_above_zero(self.given)

    @abstractmethod
    def shape(self, progress: np.ndarray) -> np.ndarray:
        """Return the factor after a part of the length, from 0 to 1."""

    def at(self, time: Time) -> np.ndarray:
        return self.shape(time.progress(self.length(time) if self.given else time.total))


@attrs.frozen(kw_only=True)
class OnTimescale(WithLength):
    """Base of schedules that change by a rule each time that a length is over, which must be given.

    A length that is rounded to 0 is one step or epoch.
    """

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not self.given:
            raise ValueError(f"{type(self).__name__} needs a length: give steps, epochs or fraction")
        _check_above_zero(self.given)

    def timescale(self, time: Time) -> np.ndarray:
        """Return the length in the unit of `time`, at least 1."""
        return np.asarray(np.maximum(1.0, self.length(time)))


def check_duration(schedule: Schedule, total_steps: int, steps_per_epoch: int) -> None:
    """Check that training is long enough for a schedule.

    Raises:
        ConfigError: if it is too short.
    """
    if isinstance(schedule, SupportsDuration):
        schedule.check(total_steps, steps_per_epoch)


def _check_above_zero(lengths: Mapping[str, float]) -> None:
    for name, value in lengths.items():
        if not value:
            raise ValueError(f"{name} must be above 0, got {value}")
