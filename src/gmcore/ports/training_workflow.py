"""Port: how training runs."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import attrs
import numpy as np

from gmcore.domain import (
    Array,
    Cancellation,
    Hooks,
    Member,
    Rows,
    Snapshot,
    TrainingResult,
    Tree,
    ValidationResult,
    Variables,
    WorkflowConfig,
)
from gmcore.ports.backend import Backend, Namespace
from gmcore.ports.metric_computer import MetricComputer
from gmcore.ports.model_provider import Model

__all__ = ["CheckpointStore", "Optimizer", "Schedule", "TrainingTask", "TrainingWorkflow"]


@runtime_checkable
class Optimizer(Protocol):
    """How gradients change parameters, those of a whole fleet at once.

    Every leaf has the members on its first axis, and so have `step` and the settings, `(members,)`: an
    optimizer may mix what is one member's, such as a norm over its gradients, never what is several members'.
    """

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, float]:
        """The numbers that may differ between the members of a fleet, `"learning_rate"` always among them."""

    @abstractmethod
    def init(self, params: Tree, *, xp: Namespace) -> Tree:
        """Return the state before the first step."""

    @abstractmethod
    def update(
        self, gradients: Tree, state: Tree, params: Tree, *, step: Array, settings: Mapping[str, Array], xp: Namespace
    ) -> tuple[Tree, Tree]:
        """Return `(params, state)` after one step.

        Args:
            gradients: of the loss, in the shape of `params`.
            state: as `init` or the step before returned it.
            params: before the step.
            step: which step this is for each member, from 1, float.
            settings: as in the property of that name, `"learning_rate"` already scheduled.
            xp: the backend's namespace.
        """


@runtime_checkable
class Schedule(Protocol):
    """How the learning rate goes: a pure function, evaluated on the host in float64."""

    @abstractmethod
    def factor(self, step: np.ndarray, total_steps: np.ndarray) -> np.ndarray:
        """Return what the learning rate is multiplied by at `step`, from 0, of `total_steps`; both broadcast."""


@runtime_checkable
class CheckpointStore(Protocol):
    """Where training keeps what it could go on from."""

    @abstractmethod
    def due(self, *, epoch: int, step: int) -> bool:
        """Return whether a snapshot shall be saved now: `epoch` epochs are over, `step` steps of the next are done."""

    @abstractmethod
    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; it is durable when this returns.

        Raises:
            OutputError: if the place does not take it; the ones before are intact.
        """

    @abstractmethod
    def load(self, chunk: int) -> Snapshot | None:
        """Return the latest snapshot of a chunk that is whole, or None."""


@attrs.frozen(kw_only=True, eq=False)
class TrainingTask:
    """Everything that the members of a fleet share.

    Attributes:
        model: what is trained.
        rows: all rows; members point into them.
        backend: where.
        optimizer: how parameters change.
        schedule: how the learning rate goes.
        config: epochs, batch size, early stopping, chunks.
        metrics: what is computed when rows are scored.
        hooks: who is told.
        cancellation: checked between steps.
        checkpoints: where training is kept, and gone on from; None for nowhere.
    """

    model: Model
    rows: Rows
    backend: Backend
    optimizer: Optimizer
    schedule: Schedule
    config: WorkflowConfig
    metrics: tuple[MetricComputer, ...] = ()
    hooks: Hooks = attrs.field(factory=Hooks)
    cancellation: Cancellation = attrs.field(factory=Cancellation)
    checkpoints: CheckpointStore | None = None


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
            TrainingError: if a member's loss is not finite.
        """

    @abstractmethod
    def validate(
        self, task: TrainingTask, variables: Sequence[Variables], rows: Sequence[np.ndarray]
    ) -> Sequence[ValidationResult]:
        """Return how good each member is on its rows: indices, one array a member."""

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, float]:
        """What the last training measured of itself: `"seconds"`, `"steps"`, `"compilations"`; a copy."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what training holds; calling it again does nothing."""
