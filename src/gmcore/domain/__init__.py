"""The vocabulary of training: frozen value classes that depend on NumPy at most and do no I/O."""

from gmcore.domain.cancellation import Cancellation
from gmcore.domain.config import (
    AverageConfig,
    BatchConfig,
    CheckpointConfig,
    EarlyStoppingConfig,
    SequenceConfig,
    SplitConfig,
    WorkflowConfig,
)
from gmcore.domain.constants import Constants
from gmcore.domain.data.batch import Batch
from gmcore.domain.data.fold import Fold, Split
from gmcore.domain.data.row_block import RowBlock
from gmcore.domain.data.rows import Rows
from gmcore.domain.data.schema import Feature, Kind, Schema, Target, TargetKind
from gmcore.domain.data.tensor import Tensor
from gmcore.domain.data.windowed_series import WindowedSeries
from gmcore.domain.device import Device, Memory, Work
from gmcore.domain.events import (
    BatchEnd,
    CheckpointSaved,
    EpochEnd,
    EpochStart,
    FitEnd,
    FitStart,
    FoldEnd,
    FoldStart,
    MemberFailed,
    OutOfMemory,
    RunEnd,
    RunError,
    RunStart,
    SearchStart,
    TrialEnd,
)
from gmcore.domain.hooks import Hooks
from gmcore.domain.job import Job, JobEnd
from gmcore.domain.member import Member
from gmcore.domain.precision import compute_dtype
from gmcore.domain.results import (
    CVResult,
    Failure,
    FoldResult,
    LayerInfo,
    ModelInfo,
    TrainingResult,
    ValidationResult,
)
from gmcore.domain.searching.search_space import Range, SearchSpace
from gmcore.domain.searching.trial import TrialResult
from gmcore.domain.seeding import generator
from gmcore.domain.snapshot import Snapshot
from gmcore.domain.tree import Array, Shape, Tree, Variables

__all__ = [
    "Array",
    "AverageConfig",
    "Batch",
    "BatchConfig",
    "BatchEnd",
    "CVResult",
    "Cancellation",
    "CheckpointConfig",
    "CheckpointSaved",
    "Constants",
    "Device",
    "EarlyStoppingConfig",
    "EpochEnd",
    "EpochStart",
    "Failure",
    "Feature",
    "FitEnd",
    "FitStart",
    "Fold",
    "FoldEnd",
    "FoldResult",
    "FoldStart",
    "Hooks",
    "Job",
    "JobEnd",
    "Kind",
    "LayerInfo",
    "Member",
    "MemberFailed",
    "Memory",
    "ModelInfo",
    "OutOfMemory",
    "Range",
    "RowBlock",
    "Rows",
    "RunEnd",
    "RunError",
    "RunStart",
    "Schema",
    "SearchSpace",
    "SearchStart",
    "SequenceConfig",
    "Shape",
    "Snapshot",
    "Split",
    "SplitConfig",
    "Target",
    "TargetKind",
    "Tensor",
    "TrainingResult",
    "Tree",
    "TrialEnd",
    "TrialResult",
    "ValidationResult",
    "Variables",
    "WindowedSeries",
    "Work",
    "WorkflowConfig",
    "compute_dtype",
    "generator",
]
