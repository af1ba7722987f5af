"""Cosine decay."""

import attrs
import numpy as np
from attrs.validators import and_, ge, le

from gmcore.nn.schedules.timing import Spanning

__all__ = ["Cosine"]


@attrs.frozen(kw_only=True)
class Cosine(Spanning):
    """Half a cosine from 1 down to `final_fraction`, where the factor stays.

    Formula:
        `factor = f + (1 - f) · (1 + cos(π · p)) / 2` with `f = final_fraction` and `p = min(1, step / length)`;
        `length` is that of training unless it is given in `steps`, `epochs` or as a `fraction`.

    Source:
        Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), without restarts;
        `torch.optim.lr_scheduler.CosineAnnealingLR`, which rises again after `T_max` steps.

    Attributes:
        final_fraction: factor after the length, from 0 to 1.
    """

    final_fraction: float = attrs.field(default=0.0, validator=and_(ge(0.0), le(1.0)))

    def shape(self, progress: np.ndarray) -> np.ndarray:
        cosine = (1 + np.cos(np.pi * progress)) / 2
        return np.asarray(self.final_fraction + (1 - self.final_fraction) * cosine)
