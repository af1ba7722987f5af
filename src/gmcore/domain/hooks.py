"""What a run tells along the way: one frozen context a moment, and who listens."""

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import numpy as np

from gmcore.domain.results import CVResult, Failure, ModelInfo, TrainingResult, ValidationResult
from gmcore.domain.trial import TrialResult

__all__ = [
    "BatchEnd",
    "CheckpointSaved",
    "EpochEnd",
    "EpochStart",
    "FitEnd",
    "FitStart",
    "FoldEnd",
    "FoldStart",
    "Hooks",
    "MemberFailed",
    "RunEnd",
    "RunError",
    "RunStart",
    "SearchStart",
    "TrialEnd",
]


@attrs.frozen(kw_only=True)
class RunStart:
    """A command begins: `"train"`, `"validate"` or `"search"`, in `folder` (None in code without one)."""

    command: str
    folder: Path | None
    config: Mapping[str, object]


@attrs.frozen(kw_only=True)
class RunEnd:
    """A command is done; `result` is what it gives back, of a search the winner's training."""

    command: str
    folder: Path | None
    result: TrainingResult | CVResult


@attrs.frozen(kw_only=True)
class RunError:
    """A command ends with `error`, which goes on to the caller; a cancellation is one too."""

    command: str
    folder: Path | None
    error: BaseException


@attrs.frozen(kw_only=True)
class FitStart:
    """A chunk of a fleet begins: the members' indices, and what is trained at most."""

    members: tuple[int, ...]
    max_epochs: int
    steps_per_epoch: int
    model: ModelInfo


@attrs.frozen(kw_only=True)
class FitEnd:
    """A chunk of a fleet is done."""

    members: tuple[int, ...]
    results: tuple[TrainingResult, ...]


@attrs.frozen(kw_only=True)
class EpochStart:
    """An epoch is about to be enqueued; `epoch` counts from 1."""

    members: tuple[int, ...]
    epoch: int


@attrs.frozen(kw_only=True, eq=False)
class EpochEnd:
    """An epoch's numbers are here.

    Attributes:
        members: their indices, in the order of the arrays.
        epoch: from 1.
        train_loss: `(members,)`, mean over samples; NaN for a member that had stopped before.
        stop_loss: `(members,)`, the same on the rows early stopping watches; NaN without any.
        learning_rate: `(members,)`, of the epoch's last step.
        active: `(members,)`, bool, who trains on.
        metrics: by name, those on the rows early stopping watches that can be had while training goes on,
            `(members,)` each; NaN where there are no such rows, empty where no member has any.
    """

    members: tuple[int, ...]
    epoch: int
    train_loss: np.ndarray
    stop_loss: np.ndarray
    learning_rate: np.ndarray
    active: np.ndarray
    metrics: Mapping[str, np.ndarray] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class MemberFailed:
    """A member's loss is no longer finite: it has stopped, the others go on.

    Attributes:
        member: its index.
        place: its place among the members of its chunk, from 0: in a search several have one index.
        failure: at which step, and what was found there.
    """

    member: int
    place: int
    failure: Failure


@attrs.frozen(kw_only=True)
class BatchEnd:
    """Steps were enqueued up to `step` of `steps` in `epoch`; their numbers are not here yet."""

    members: tuple[int, ...]
    epoch: int
    step: int
    steps: int


@attrs.frozen(kw_only=True)
class FoldStart:
    """A fold's member enters the fleet, with so many rows to train on and to score on."""

    index: int
    n_train: int
    n_validation: int


@attrs.frozen(kw_only=True, eq=False)
class FoldEnd:
    """A fold is trained and scored."""

    index: int
    validation: ValidationResult


@attrs.frozen(kw_only=True)
class SearchStart:
    """A search begins to train: so many trials, and so many members in all; fits count them through from 0."""

    trials: int
    members: int


@attrs.frozen(kw_only=True, eq=False)
class TrialEnd:
    """All members of a trial are trained and scored; that may be long after its own last epoch."""

    trial: TrialResult


@attrs.frozen(kw_only=True)
class CheckpointSaved:
    """A file that training can be continued or used from was written and is durable."""

    path: Path
    epoch: int


@attrs.frozen(kw_only=True)
class Hooks:
    """Who is told of what, compiled once a run; a hook nobody has is an empty tuple and costs nothing."""

    run_start: tuple[Callable[[RunStart], object], ...] = ()
    run_end: tuple[Callable[[RunEnd], object], ...] = ()
    run_error: tuple[Callable[[RunError], object], ...] = ()
    fit_start: tuple[Callable[[FitStart], object], ...] = ()
    fit_end: tuple[Callable[[FitEnd], object], ...] = ()
    epoch_start: tuple[Callable[[EpochStart], object], ...] = ()
    epoch_end: tuple[Callable[[EpochEnd], object], ...] = ()
    member_failed: tuple[Callable[[MemberFailed], object], ...] = ()
    batch_end: tuple[Callable[[BatchEnd], object], ...] = ()
    fold_start: tuple[Callable[[FoldStart], object], ...] = ()
    fold_end: tuple[Callable[[FoldEnd], object], ...] = ()
    search_start: tuple[Callable[[SearchStart], object], ...] = ()
    trial_end: tuple[Callable[[TrialEnd], object], ...] = ()
    checkpoint_saved: tuple[Callable[[CheckpointSaved], object], ...] = ()
