"""The types of the keyword arguments of `gmcore.train`, `cross_validate`, `search` and `find_rate`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict

import numpy as np

from gmcore.domain import CheckpointConfig, EarlyStoppingConfig, Fold, Hooks
from gmcore.ports import (
    Backend,
    CrossValidator,
    DataProvider,
    Engine,
    GradientStrategy,
    MetricComputer,
    ModelProvider,
    Optimizer,
    Schedule,
    SupportsSplit,
    TrainingWorkflow,
)

__all__ = ["FoldsLike", "HooksLike", "Settings", "TrainingSettings"]

Table: TypeAlias = Mapping[str, object]
MetricFunction: TypeAlias = Callable[..., float | Mapping[str, float]]
MetricLike: TypeAlias = str | Table | MetricComputer | MetricFunction
HooksLike: TypeAlias = Hooks | Iterable[object]
FoldsLike: TypeAlias = int | Iterable[Fold | tuple[np.ndarray | Sequence[int], np.ndarray | Sequence[int]]]


class TrainingSettings(TypedDict, total=False):
    """The `[training]` table; see `gmcore.app.composing.run_config.TrainingTable`."""

    max_epochs: int
    batch_size: int
    optimizer: str | Table | Optimizer
    schedule: str | Table | Schedule
    gradients: str | Table | GradientStrategy
    early_stopping: Table | EarlyStoppingConfig | None
    members_per_chunk: int | Literal["auto"] | None
    row_memory: int | str | None
    drop_last: bool
    shuffle: bool | Literal["blocks"]
    precision: Literal["float32", "bfloat16", "float16"] | None
    checkpoint: Table | CheckpointConfig
    workflow: str | Table | TrainingWorkflow


class Settings(TypedDict, total=False):
    """The entries of a run file; a component can be an object in place of a table.

    See `gmcore.app.composing.run_config.RunConfig`, except for:

    Keys:
        data: a table or a provider; only if no rows are passed.
        weights: weight of each row, `(rows,)`; only if rows are passed. In preprocessing, the loss and the metrics a
            row of weight 2 counts as two rows; a row of weight 0 is not trained on and not counted. Batches, splits,
            folds and the list of categories and classes count rows, whatever their weights.
        validation: for `cross_validate` and `search`.
        folds: the number of folds, or the folds, each a pair of training and validation row indices; in place of
            `validation`.
        engine: where models are trained, for `cross_validate` and `search`.
        search: for `search`.
    """

    seed: int
    dtype: Literal["float32", "float64"]
    backend: str | Table | Backend
    data: str | Table | DataProvider
    model: str | Table | ModelProvider
    training: TrainingSettings
    validation: str | Table | CrossValidator | SupportsSplit
    metrics: Table | Sequence[MetricLike]
    engine: str | Table | Engine
    search: Table
    weights: object
    folds: FoldsLike
