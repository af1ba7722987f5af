"""What gmcore asks of the world: one Protocol a file, no logic."""

from gmcore.ports.backend import Backend, Namespace, Random
from gmcore.ports.cross_validator import CrossValidator, SupportsSplit
from gmcore.ports.data_provider import DataProvider, SupportsRows, SupportsSchema
from gmcore.ports.metric_computer import MetricComputer, SupportsDirection, SupportsSums
from gmcore.ports.model_provider import Model, ModelProvider, SupportsSettings
from gmcore.ports.sequence_provider import SequenceProvider
from gmcore.ports.training_workflow import (
    CheckpointStore,
    Optimizer,
    Schedule,
    TrainingTask,
    TrainingWorkflow,
)

__all__ = [
    "Backend",
    "CheckpointStore",
    "CrossValidator",
    "DataProvider",
    "MetricComputer",
    "Model",
    "ModelProvider",
    "Namespace",
    "Optimizer",
    "Random",
    "Schedule",
    "SequenceProvider",
    "SupportsDirection",
    "SupportsRows",
    "SupportsSchema",
    "SupportsSettings",
    "SupportsSplit",
    "SupportsSums",
    "TrainingTask",
    "TrainingWorkflow",
]
