"""Port: a learning-rate schedule."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import numpy as np

__all__ = ["Schedule"]


@runtime_checkable
class Schedule(Protocol):
    """A learning-rate schedule: a pure function of the step, evaluated on the host in float64."""

    @abstractmethod
    def factor(self, step: np.ndarray, total_steps: np.ndarray) -> np.ndarray:
        """Return the factor by which the learning rate is multiplied.

        Args:
            step: number of the step, from 0; it may equal `total_steps`, for a step after the last one.
            total_steps: number of steps of the whole training; 0 for a member without rows. Broadcasts with `step`.

        Returns:
            Finite factors, at least 0, float64, of the broadcast shape. Each element depends only on its own `step` and
            `total_steps`, not on the other elements.
        """
