"""What the members of a fleet share."""

import attrs

from gmcore.domain import Cancellation, Hooks, Rows, WorkflowConfig
from gmcore.ports.checkpoint_store import CheckpointStore
from gmcore.ports.compute.backend import Backend
from gmcore.ports.metric_computer import MetricComputer
from gmcore.ports.model import Model
from gmcore.ports.optimizer import Optimizer
from gmcore.ports.schedule import Schedule

__all__ = ["TrainingTask"]


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
