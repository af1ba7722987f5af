"""Constant learning rate."""

import attrs
import numpy as np

from gmcore.ports import Schedule

__all__ = ["Constant"]


@attrs.frozen(kw_only=True)
class Constant(Schedule):
    """A factor of 1 at every step.

    Formula:
        `factor = 1`

    Source:
        `torch.optim.lr_scheduler.ConstantLR` with `factor=1`.
    """

    def factor(self, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray) -> np.ndarray:
        return np.ones(np.broadcast_shapes(step.shape, total_steps.shape, steps_per_epoch.shape))
