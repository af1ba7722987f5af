"""The interfaces of gmcore's components: one Protocol per file, without logic."""

from gmcore.ports.abilities import (
    SupportsAdapt,
    SupportsChildren,
    SupportsDirection,
    SupportsRows,
    SupportsSchema,
    SupportsSettings,
    SupportsSplit,
    SupportsSums,
)
from gmcore.ports.checkpoint_store import CheckpointStore
from gmcore.ports.compute import Backend, Namespace, Random
from gmcore.ports.cross_validator import CrossValidator
from gmcore.ports.data_provider import DataProvider
from gmcore.ports.layer import Layer
from gmcore.ports.loss import Loss
from gmcore.ports.metric_computer import MetricComputer
from gmcore.ports.model import Model
from gmcore.ports.model_provider import ModelProvider
from gmcore.ports.optimizer import Optimizer
from gmcore.ports.schedule import Schedule
from gmcore.ports.sequence_provider import SequenceProvider
from gmcore.ports.training_task import TrainingTask
from gmcore.ports.training_workflow import TrainingWorkflow

__all__ = [
    "Backend",
    "CheckpointStore",
    "CrossValidator",
    "DataProvider",
    "Layer",
    "Loss",
    "MetricComputer",
    "Model",
    "ModelProvider",
    "Namespace",
    "Optimizer",
    "Random",
    "Schedule",
    "SequenceProvider",
    "SupportsAdapt",
    "SupportsChildren",
    "SupportsDirection",
    "SupportsRows",
    "SupportsSchema",
    "SupportsSettings",
    "SupportsSplit",
    "SupportsSums",
    "TrainingTask",
    "TrainingWorkflow",
]
