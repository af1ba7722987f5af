"""Ability: a schedule that needs a certain number of steps."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

__all__ = ["SupportsDuration"]


@runtime_checkable
class SupportsDuration(Protocol):
    """A schedule that training can be too short for, itself or a schedule inside it, such as a warm-up of 500 steps."""

    @abstractmethod
    def check(self, total_steps: int, steps_per_epoch: int) -> None:
        """Check that training is long enough; called before training starts.

        Args:
            total_steps: number of steps of the whole training of a member.
            steps_per_epoch: number of steps of its epochs.

        Raises:
            ConfigError: if training is too short; says for what.
        """
