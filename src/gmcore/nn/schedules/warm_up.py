"""Linear warm-up before another schedule."""

import attrs
import numpy as np

from gmcore.errors import ConfigError
from gmcore.nn.schedules.constant import Constant
from gmcore.nn.schedules.timing import Time, WithLength, check_duration
from gmcore.nn.settings import instance_of_port
from gmcore.ports import Feedback, Schedule, SupportsDuration, SupportsFeedback

__all__ = ["WarmUp"]


@attrs.frozen
class WarmUp(WithLength, SupportsFeedback, SupportsDuration):
    """A linear rise to 1 before another schedule, which starts after the rise.

    No step has a factor of 0. The other schedule stays at its step 0 during the rise; its training is the steps after
    the rise. With `per = "epoch"`, the rise changes once an epoch; the other schedule has an option of its own.

    Formula:
        `factor = min(1, (step + 1) / (n + 1)) · then(max(0, step - n), total_steps - n)` with `n` the length in
        `steps`, `epochs` or as a `fraction` of training; with `per = "epoch"`, `step` and `n` of the rise are epochs.

    Source:
        Goyal et al., "Accurate, large minibatch SGD" (2017), section 2.2; `torch.optim.lr_scheduler.LinearLR` with
        `start_factor = 1 / (n + 1)` and `total_iters = n`, before another one by `SequentialLR`.

    Attributes:
        then: the schedule after the warm-up.
    """

    then: Schedule = attrs.field(default=Constant(), validator=instance_of_port(Schedule))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.fraction == 1:
            raise ValueError("fraction must be below 1, so that training goes on after the warm-up, got 1")

    def at(self, time: Time) -> np.ndarray:
        """Return the factor of the rise alone."""
        return np.asarray(np.minimum(1.0, (time.now + 1.0) / (self.length(time) + 1)))

    def factor(self, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray) -> np.ndarray:
        time = Time.of(step, total_steps, steps_per_epoch, self.per)
        rising = self.length(time) * time.unit
        then = self.then.factor(np.maximum(0.0, step - rising), np.maximum(1.0, total_steps - rising), steps_per_epoch)
        return np.asarray(self.at(time) * then)

    def check(self, total_steps: int, steps_per_epoch: int) -> None:
        time = Time.of(np.array(0), np.array(total_steps), np.array(steps_per_epoch), self.per)
        rising = int(self.length(time) * time.unit)
        if self.fraction is None and rising >= max(1, total_steps):
            problem = f"WarmUp: a rise of {rising} steps must be shorter than training, which has {total_steps} steps"
            raise ConfigError([f"{problem}, {steps_per_epoch} an epoch"])
        check_duration(self.then, total_steps - rising, steps_per_epoch)

    @property
    def feedback(self) -> Feedback | None:
        """That of the other schedule; it hears of the epochs of the rise, too."""
        return self.then.feedback if isinstance(self.then, SupportsFeedback) else None
