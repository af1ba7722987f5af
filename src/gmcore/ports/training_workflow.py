"""Port: how a fleet is trained."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Member, TrainingResult, ValidationResult, Variables
from gmcore.ports.training_task import TrainingTask

__all__ = ["TrainingWorkflow"]


@runtime_checkable
class TrainingWorkflow(Protocol):
    """A way to train a fleet.

    Each member's numbers are the same in whichever fleet and chunk it trains.
    """

    @abstractmethod
    def train(self, task: TrainingTask, members: Sequence[Member]) -> Sequence[TrainingResult]:
        """Return one result a member, in order.

        Raises:
            Cancelled: at the next step after a stop was asked for.
            TrainingError: if no member could learn to the end; one that could not, where others could, has a
                `failure` in its result.
        """

    @abstractmethod
    def validate(
        self, task: TrainingTask, variables: Sequence[Variables], rows: Sequence[np.ndarray]
    ) -> Sequence[ValidationResult]:
        """Return how good each member is on its rows: indices, one array a member."""

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, float]:
        """What the last training measured of itself, a copy: `"seconds"`, `"steps"`, `"compilations"`, `"reads"`.

        And `"peak_memory"` and `"active_memory"` in bytes, and where the time went, such as `"compiling_seconds"`;
        with the `"scoring_seconds"` of `validate` since.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what training holds; calling it again does nothing."""
