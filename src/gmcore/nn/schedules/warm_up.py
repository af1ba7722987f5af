"""Linear warm-up before another schedule."""

import attrs
import numpy as np
from attrs.validators import and_, ge, lt

from gmcore.nn.schedules.constant import Constant
from gmcore.nn.settings import instance_of_port
from gmcore.ports import Feedback, Schedule, SupportsFeedback

__all__ = ["WarmUp"]


def _check_only_one(warm_up: "WarmUp", _: "attrs.Attribute[float]", fraction: float) -> None:
    if fraction and warm_up.steps:
        raise ValueError(f"give steps or fraction, not both, got {warm_up.steps} and {fraction}")


@attrs.frozen
class WarmUp(Schedule, SupportsFeedback):
    """Multiplies another schedule by a factor that rises linearly to 1, and starts that schedule after the rise.

    At step `i` of a warm-up of `n` steps it multiplies by `(i + 1) / (n + 1)`, so that no step has a learning rate
    of 0. The other schedule stays at its step 0 meanwhile; its total is the number of steps after the warm-up.

    Attributes:
        then: the schedule after the warm-up.
        steps: number of warm-up steps; 0 for none.
        fraction: warm-up steps as a fraction of all steps, from 0 to below 1, rounded to whole steps. At most one of
            `steps` and `fraction` may be given.
    """

    then: Schedule = attrs.field(default=Constant(), validator=instance_of_port(Schedule))
    steps: int = attrs.field(default=0, validator=ge(0), kw_only=True)
    fraction: float = attrs.field(default=0.0, validator=and_(ge(0.0), lt(1.0), _check_only_one), kw_only=True)

    def factor(self, step: np.ndarray, total_steps: np.ndarray) -> np.ndarray:
        rising = np.rint(self.fraction * total_steps) if self.fraction else np.asarray(float(self.steps))
        rise = np.minimum(1.0, (step + 1.0) / (rising + 1))
        then = self.then.factor(np.maximum(0.0, step - rising), np.maximum(1.0, total_steps - rising))
        return np.asarray(rise * then)

    @property
    def feedback(self) -> Feedback | None:
        """That of the other schedule; it hears of the epochs of the rise, too."""
        return self.then.feedback if isinstance(self.then, SupportsFeedback) else None
