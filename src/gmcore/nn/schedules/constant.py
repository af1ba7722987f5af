"""The same learning rate all the way."""

import attrs
import numpy as np
from attrs.validators import and_

from gmcore.nn.schedules.warm_up import SHARE, STEPS, check_only_one, warm_up, warm_up_steps
from gmcore.ports import Schedule

__all__ = ["Constant"]


@attrs.frozen(kw_only=True)
class Constant(Schedule):
    """A factor of 1, after a warm-up.

    Attributes:
        warmup_steps: steps in which the rate rises linearly; at step 0 it is `1 / (warmup_steps + 1)`.
        warmup_fraction: the same as a share of all steps; give one or the other.
    """

    warmup_steps: int = attrs.field(default=0, validator=STEPS)
    warmup_fraction: float = attrs.field(default=0.0, validator=and_(SHARE, check_only_one))

    def factor(self, step: np.ndarray, total_steps: np.ndarray) -> np.ndarray:
        step, total_steps = np.broadcast_arrays(step, total_steps)
        return warm_up(step, warm_up_steps(self.warmup_steps, self.warmup_fraction, total_steps))
