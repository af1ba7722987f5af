"""Port: a workflow that trains and scores a fleet."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from gmcore.domain import Member, TrainingResult, ValidationResult, Variables
from gmcore.ports.training_task import TrainingTask

__all__ = ["TrainingWorkflow"]


@runtime_checkable
class TrainingWorkflow(Protocol):
    """A procedure that trains and scores the members of a fleet.

    A member's results do not depend on the other members, nor on how the fleet is cut into chunks.
    """

    @abstractmethod
    def train(self, task: TrainingTask, members: Sequence[Member]) -> Sequence[TrainingResult]:
        """Train the members and return one result per member, in order.

        A member whose training fails while that of others succeeds has a `failure` in its result.

        Raises:
            Cancelled: at the next step after a stop was requested.
            TrainingError: if the training of all members failed.
        """

    @abstractmethod
    def validate(
        self, task: TrainingTask, variables: Sequence[Variables], rows: Sequence[np.ndarray]
    ) -> Sequence[ValidationResult]:
        """Return the scores of trained members, in order.

        Args:
            task: as for `train`.
            variables: the variables of each member.
            rows: the indices of the rows that each member is scored on.
        """

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, float]:
        """Measurements of the last call of `train`, by name, as a copy.

        `"seconds"`, `"steps"`, `"compilations"`, `"reads"`; `"members_at_once"`, and `"halvings"` of it after memory
        ran out; `"peak_memory"` and `"active_memory"` in bytes; the seconds of each phase, such as
        `"compiling_seconds"`; and the `"scoring_seconds"` of `validate` since then.
        """

    @abstractmethod
    def close(self) -> None:
        """Release all resources. Calling it again does nothing."""
