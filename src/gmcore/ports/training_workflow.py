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

    Every leaf has the members on its first axis, and so have the coefficients, `(members,)`: an
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
    def coefficients(self, step: np.ndarray, settings: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the numbers that `update` needs of each step, by name: computed on the host, in float64.

        Args:
            step: which step it is for each member, from 1: `(steps, members)`.
            settings: as in the property of that name, each of a shape that broadcasts with `step`;
                `"learning_rate"` is already scheduled.

        Returns:
            Arrays of the shape of `step`. Names may be left out that would change nothing for these settings.
        """

    @abstractmethod
    def update(
        self,
        gradients: Tree,
        state: Tree,
        params: Tree,
        *,
        coefficients: Mapping[str, Array],
        taken: Array,
        xp: Namespace,
    ) -> tuple[Tree, Tree]:
        """Return `(params, state)` after one step.

        Args:
            gradients: of the loss, in the shape of `params`.
            state: as `init` or the step before returned it.
            params: before the step.
            coefficients: the step's, as the method of that name returned them, `(members,)` each.
            taken: who takes the step, `(members,)`, bool. The others' parameters and state come out as they
                went in, even if their gradients are not finite.
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
        """Begin to keep a snapshot, which is not changed any more, once the one before is durable; errors of `wait`."""

    @abstractmethod
    def report(self) -> None:
        """Tell listeners if the snapshot that was saved last has become durable since; errors of `wait`."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until the snapshot that was saved last is durable, and tell listeners.

        Raises:
            OutputError: if the place does not take it and that shall end the run; the ones before are intact
                either way.
        """

    @abstractmethod
    def load(self, chunk: int) -> Snapshot | None:
        """Return the latest snapshot of a chunk that is whole, or None where none was ever kept.

        Raises:
            InputError: if some were kept and none is whole.
        """


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
