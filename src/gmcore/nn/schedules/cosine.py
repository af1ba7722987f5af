"""Cosine decay."""

import attrs
import numpy as np
from attrs.validators import and_, ge, le

from gmcore.ports import Schedule

__all__ = ["Cosine"]


@attrs.frozen(kw_only=True)
class Cosine(Schedule):
    """Half a cosine from 1 down to `final_fraction`, by the formula of `torch.optim.lr_scheduler.CosineAnnealingLR`.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), without restarts.

    Attributes:
        final_fraction: factor after the last step, from 0 to 1.
    """

    final_fraction: float = attrs.field(default=0.0, validator=and_(ge(0.0), le(1.0)))

    def factor(self, step: np.ndarray, total_steps: np.ndarray) -> np.ndarray:
        progress = np.clip(step / np.maximum(1.0, total_steps), 0.0, 1.0)
        cosine = (1 + np.cos(np.pi * progress)) / 2
        return np.asarray(self.final_fraction + (1 - self.final_fraction) * cosine)
