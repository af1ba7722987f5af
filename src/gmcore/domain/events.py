"""Events of a run: one frozen context class for each."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np

from gmcore.domain.results import CVResult, Failure, ModelInfo, TrainingResult, ValidationResult
from gmcore.domain.searching.trial import TrialResult

__all__ = [
    "BatchEnd",
    "CheckpointSaved",
    "Context",
    "EpochEnd",
    "EpochStart",
    "FitEnd",
    "FitStart",
    "FoldEnd",
    "FoldStart",
    "MemberFailed",
    "OutOfMemory",
    "RunEnd",
    "RunError",
    "RunStart",
    "SearchStart",
    "TrialEnd",
]


@attrs.frozen(kw_only=True)
class RunStart:
    """A command starts.

    Attributes:
        command: `"train"`, `"validate"`, `"search"` or `"find_rate"`.
        folder: the run folder; None in code that has none.
        config: the run's configuration, as in a run file.
    """

    command: str
    folder: Path | None
    config: Mapping[str, object]


@attrs.frozen(kw_only=True)
class RunEnd:
    """A command has finished.

    Attributes:
        command: as in `RunStart`.
        folder: as in `RunStart`.
        result: what the command returns; for a search, the training with the best settings.
    """

    command: str
    folder: Path | None
    result: TrainingResult | CVResult


@attrs.frozen(kw_only=True)
class RunError:
    """A command has raised an error.

    Attributes:
        command: as in `RunStart`.
        folder: as in `RunStart`.
        error: the error, raised again after all listeners were called; `Cancelled` if the run was stopped.
    """

    command: str
    folder: Path | None
    error: BaseException


@attrs.frozen(kw_only=True)
class FitStart:
    """The training of a chunk starts.

    Attributes:
        members: the members' indices.
        max_epochs: largest number of epochs.
        steps_per_epoch: optimizer steps per epoch of the member that has most.
        model: the model's structure.
    """

    members: tuple[int, ...]
    max_epochs: int
    steps_per_epoch: int
    model: ModelInfo


@attrs.frozen(kw_only=True)
class FitEnd:
    """The training of a chunk has finished.

    Attributes:
        members: the members' indices.
        results: one per member, in the same order.
    """

    members: tuple[int, ...]
    results: tuple[TrainingResult, ...]


@attrs.frozen(kw_only=True)
class EpochStart:
    """The steps of an epoch are about to be enqueued.

    Attributes:
        members: the members' indices.
        epoch: number of the epoch, from 1.
    """

    members: tuple[int, ...]
    epoch: int


@attrs.frozen(kw_only=True, eq=False)
class EpochEnd:
    """An epoch has been computed and read; the next one may already be enqueued.

    Attributes:
        members: the members' indices, in the order of the arrays.
        epoch: number of the epoch, from 1.
        train_loss: mean over samples, `(members,)`; NaN for a member that had stopped before.
        stop_loss: mean over the stop rows, `(members,)`; NaN for a member without any.
        learning_rate: of the epoch's last step, `(members,)`.
        active: mask of the members that train on, `(members,)`.
        metrics: by name, the metrics of the stop rows that can be computed during training, `(members,)` each; NaN
            for a member without stop rows; empty if no member has any.
        gradient_norms: `"gradient_norm"`, the mean over the epoch's steps, and `"largest_gradient_norm"`, before
            gradients are clipped, `(members,)` each; empty unless the run asks for them.
    """

    members: tuple[int, ...]
    epoch: int
    train_loss: np.ndarray
    stop_loss: np.ndarray
    learning_rate: np.ndarray
    active: np.ndarray
    metrics: Mapping[str, np.ndarray] = attrs.field(factory=dict)
    gradient_norms: Mapping[str, np.ndarray] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class MemberFailed:
    """A member's loss or weights are no longer finite: it has stopped, the others train on.

    Attributes:
        member: the member's index.
        place: the member's place in its chunk, from 0; in a search several members have the same index.
        failure: at which step, and the numbers found there.
    """

    member: int
    place: int
    failure: Failure


@attrs.frozen(kw_only=True)
class OutOfMemory:
    """The device ran out of memory: from now on, fewer members are computed at once, with the same results.

    Attributes:
        members: the members' indices of the chunk that is trained again, in parts and from its start; empty if it was
            scored.
        tried: number of members that were computed at once.
        at_once: number of members that are computed at once from now on.
    """

    members: tuple[int, ...]
    tried: int
    at_once: int


@attrs.frozen(kw_only=True)
class BatchEnd:
    """Some steps of an epoch were enqueued; they may not be computed yet.

    Attributes:
        members: the members' indices.
        epoch: number of the epoch, from 1.
        step: steps of this epoch enqueued so far.
        steps: steps of the whole epoch.
    """

    members: tuple[int, ...]
    epoch: int
    step: int
    steps: int


@attrs.frozen(kw_only=True)
class FoldStart:
    """The training of a fold is about to start.

    Attributes:
        index: the fold's, from 0.
        n_train: number of rows to train on.
        n_validation: number of rows to score on.
    """

    index: int
    n_train: int
    n_validation: int


@attrs.frozen(kw_only=True, eq=False)
class FoldEnd:
    """A fold has been trained and scored.

    Attributes:
        index: the fold's, from 0.
        validation: its score on the held-out rows.
    """

    index: int
    validation: ValidationResult


@attrs.frozen(kw_only=True)
class SearchStart:
    """A round of a search starts to train; of most strategies it is the only one.

    Attributes:
        trials: number of trials so far, also those of this round.
        members: number of members of all trials so far; `FitStart` and the like number them from 0.
    """

    trials: int
    members: int


@attrs.frozen(kw_only=True, eq=False)
class TrialEnd:
    """A trial has been trained and scored, possibly long after its own last epoch.

    Attributes:
        trial: its scores.
    """

    trial: TrialResult


@attrs.frozen(kw_only=True)
class CheckpointSaved:
    """A checkpoint or a model file has been written and is durable.

    Attributes:
        path: the file.
        epoch: number of epochs that were over.
    """

    path: Path
    epoch: int


Context = (
    RunStart
    | RunEnd
    | RunError
    | FitStart
    | FitEnd
    | EpochStart
    | EpochEnd
    | MemberFailed
    | OutOfMemory
    | BatchEnd
    | FoldStart
    | FoldEnd
    | SearchStart
    | TrialEnd
    | CheckpointSaved
)
"""What a listener is called with."""
