"""Contract suites for plugins, one per port, and fakes."""

from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.testing.backend import BackendContract
from gmcore.testing.batch_loss import BatchLossContract
from gmcore.testing.cross_validator import CrossValidatorContract
from gmcore.testing.data_provider import DataProviderContract
from gmcore.testing.engine import EngineContract
from gmcore.testing.fakes import TinyModel, two_moons
from gmcore.testing.faults.power_cut import Crash, Recording, recorded
from gmcore.testing.gradient_strategy import GradientStrategyContract
from gmcore.testing.guarded_backend import GuardedBackend
from gmcore.testing.hook import HookContract
from gmcore.testing.layer import LayerContract
from gmcore.testing.loss import LossCase, LossContract
from gmcore.testing.metric_computer import MetricComputerContract
from gmcore.testing.model_provider import ModelProviderContract
from gmcore.testing.optimizer import OptimizerContract
from gmcore.testing.schedule import ScheduleContract
from gmcore.testing.search_strategy import SearchStrategyContract
from gmcore.testing.sequence_provider import SequenceProviderContract

__all__ = [
    "BackendContract",
    "BatchLossContract",
    "Crash",
    "CrossValidatorContract",
    "DataProviderContract",
    "EngineContract",
    "GradientStrategyContract",
    "GuardedBackend",
    "HookContract",
    "LayerContract",
    "LossCase",
    "LossContract",
    "MetricComputerContract",
    "ModelProviderContract",
    "NumPyNamespace",
    "OptimizerContract",
    "Recording",
    "ScheduleContract",
    "SearchStrategyContract",
    "SequenceProviderContract",
    "TinyModel",
    "recorded",
    "two_moons",
]
