"""Port: a schedule of the learning rate or of another setting."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import numpy as np

__all__ = ["Schedule"]


@runtime_checkable
class Schedule(Protocol):
    """A schedule of a setting, such as the learning rate: a pure function of the step, evaluated on the host."""

    @abstractmethod
    def factor(self, step: np.ndarray, total_steps: np.ndarray, steps_per_epoch: np.ndarray) -> np.ndarray:
        """Return the factor by which the setting is multiplied.

        The three arguments are whole numbers, as integers or floats, and broadcast with each other.

        Args:
            step: number of the step, from 0; it may equal `total_steps`, for a step after the last one.
            total_steps: number of steps of the whole training; 0 for a member without rows.
            steps_per_epoch: number of steps of an epoch, of which training has a whole number; 0 for a member without
                rows. A schedule within another one may get fewer steps in all than a whole number of epochs.

        Returns:
            Finite factors, at least 0, float64, of the shape to which `step` and `total_steps` broadcast. Each element
            depends only on its own arguments, not on the other elements.
        """
