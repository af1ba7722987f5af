"""The interfaces of gmcore's components: one Protocol per file, without logic."""

from gmcore.ports.abilities import (
    Evaluation,
    Feedback,
    SupportsAdapt,
    SupportsChildren,
    SupportsDirection,
    SupportsDuration,
    SupportsEvaluations,
    SupportsFeedback,
    SupportsInverse,
    SupportsObjects,
    SupportsPacking,
    SupportsPredictions,
    SupportsPreparation,
    SupportsRows,
    SupportsSchema,
    SupportsSettings,
    SupportsSplit,
    SupportsSums,
    SupportsTargetCheck,
    SupportsUpdate,
)
from gmcore.ports.batch_loss import BatchLoss
from gmcore.ports.checkpoint_store import CheckpointStore
from gmcore.ports.compute import Backend, Namespace, Random
from gmcore.ports.cross_validator import CrossValidator
from gmcore.ports.data_provider import DataProvider
from gmcore.ports.engine import Engine
from gmcore.ports.forward_pass import Pass
from gmcore.ports.gradient_strategy import FleetLoss, GradientStrategy, Losses
from gmcore.ports.layer import Layer
from gmcore.ports.loss import Loss
from gmcore.ports.metric_computer import MetricComputer
from gmcore.ports.model import Model
from gmcore.ports.model_provider import ModelProvider
from gmcore.ports.optimizer import Optimizer
from gmcore.ports.schedule import Schedule
from gmcore.ports.search_strategy import SearchStrategy, Study
from gmcore.ports.sequence_provider import SequenceProvider
from gmcore.ports.training_task import TrainingTask
from gmcore.ports.training_workflow import TrainingWorkflow

__all__ = [
    "Backend",
    "BatchLoss",
    "CheckpointStore",
    "CrossValidator",
    "DataProvider",
    "Engine",
    "Evaluation",
    "Feedback",
    "FleetLoss",
    "GradientStrategy",
    "Layer",
    "Loss",
    "Losses",
    "MetricComputer",
    "Model",
    "ModelProvider",
    "Namespace",
    "Optimizer",
    "Pass",
    "Random",
    "Schedule",
    "SearchStrategy",
    "SequenceProvider",
    "Study",
    "SupportsAdapt",
    "SupportsChildren",
    "SupportsDirection",
    "SupportsDuration",
    "SupportsEvaluations",
    "SupportsFeedback",
    "SupportsInverse",
    "SupportsObjects",
    "SupportsPacking",
    "SupportsPredictions",
    "SupportsPreparation",
    "SupportsRows",
    "SupportsSchema",
    "SupportsSettings",
    "SupportsSplit",
    "SupportsSums",
    "SupportsTargetCheck",
    "SupportsUpdate",
    "TrainingTask",
    "TrainingWorkflow",
]
