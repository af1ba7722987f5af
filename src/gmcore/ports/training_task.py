"""The task of training: all that the members of a fleet share."""

from collections.abc import Mapping

import attrs

from gmcore.domain import Cancellation, Hooks, Rows, WorkflowConfig
from gmcore.ports.checkpoint_store import CheckpointStore
from gmcore.ports.compute.backend import Backend
from gmcore.ports.gradient_strategy import GradientStrategy
from gmcore.ports.metric_computer import MetricComputer
from gmcore.ports.model import Model
from gmcore.ports.optimizer import Optimizer
from gmcore.ports.schedule import Schedule

__all__ = ["TrainingTask"]


@attrs.frozen(kw_only=True, eq=False)
class TrainingTask:
    """Everything that the members of a fleet share.

    Attributes:
        model: the model to train.
        rows: all rows; members refer to them by index.
        backend: the array library that computes.
        optimizer: updates the parameters.
        schedule: changes the learning rate.
        gradients: computes the gradient of a batch.
        schedules: of other settings, the optimizer's and the model's, by name, such as `"weight_decay"` or `"dropout"`.
        config: epochs, batch size, early stopping, chunks.
        metrics: computed when rows are scored.
        hooks: listeners of the run's events.
        cancellation: checked between segments of steps.
        checkpoints: where checkpoints are saved, and restored from; None for none.
    """

    model: Model
    rows: Rows
    backend: Backend
    optimizer: Optimizer
    schedule: Schedule
    gradients: GradientStrategy
    config: WorkflowConfig
    schedules: Mapping[str, Schedule] = attrs.field(factory=dict)
    metrics: tuple[MetricComputer, ...] = ()
    hooks: Hooks = attrs.field(factory=Hooks)
    cancellation: Cancellation = attrs.field(factory=Cancellation)
    checkpoints: CheckpointStore | None = None
