"""Port: how the learning rate changes over training."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import numpy as np

__all__ = ["Schedule"]


@runtime_checkable
class Schedule(Protocol):
    """How the learning rate goes: a pure function, evaluated on the host in float64."""

    @abstractmethod
    def factor(self, step: np.ndarray, total_steps: np.ndarray) -> np.ndarray:
        """Return what the learning rate is multiplied by at `step`, from 0, of `total_steps`; both broadcast."""
