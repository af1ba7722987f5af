"""From the full learning rate down to a small one, along half a cosine."""

import attrs
import numpy as np
from attrs.validators import and_, ge, le

from gmcore.nn.schedules.warm_up import SHARE, STEPS, check_only_one, warm_up, warm_up_steps
from gmcore.ports import Schedule

__all__ = ["Cosine"]


@attrs.frozen(kw_only=True)
class Cosine(Schedule):
    """Half a cosine over the steps after the warm-up, by `torch.optim.lr_scheduler.CosineAnnealingLR`'s formula.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), without restarts.

    Attributes:
        final_fraction: what is left of the learning rate at the end.
        warmup_steps: steps in which the rate rises linearly; at step 0 it is `1 / (warmup_steps + 1)`.
        warmup_fraction: the same as a share of all steps; give one or the other.
    """

    final_fraction: float = attrs.field(default=0.0, validator=and_(ge(0.0), le(1.0)))
    warmup_steps: int = attrs.field(default=0, validator=STEPS)
    warmup_fraction: float = attrs.field(default=0.0, validator=and_(SHARE, check_only_one))

    def factor(self, step: np.ndarray, total_steps: np.ndarray) -> np.ndarray:
        step, total_steps = np.broadcast_arrays(step, total_steps)
        rising = warm_up_steps(self.warmup_steps, self.warmup_fraction, total_steps)
        falling = np.maximum(1.0, total_steps - rising)
        progress = np.clip((step - rising) / falling, 0.0, 1.0)
        cosine = (1 + np.cos(np.pi * progress)) / 2
        return np.asarray(warm_up(step, rising) * (self.final_fraction + (1 - self.final_fraction) * cosine))
