"""A search: one fleet with one member per trial and fold."""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from gmcore.domain import Fold, Member, TrainingResult, TrialEnd, TrialResult, ValidationResult
from gmcore.errors import TrainingError
from gmcore.ports import SupportsPreparation, TrainingTask, TrainingWorkflow
from gmcore.training.cross_validate import fold_members

__all__ = ["Trial", "result_of_trial", "score_trials", "trial_members"]


@attrs.frozen(kw_only=True, eq=False)
class Trial:
    """One set of hyperparameters to score.

    Attributes:
        index: index of the trial, from 0.
        settings: all hyperparameters, by their path in the run file.
        numbers: those that its members have of their own, as in `Member.settings`; the task has the others.
        seed: seed of its randomness.
        folds: the folds to score it on.
    """

    index: int
    settings: Mapping[str, object]
    numbers: Mapping[str, float]
    seed: int
    folds: Sequence[Fold]


def score_trials(
    workflow: TrainingWorkflow, task: TrainingTask, trials: Sequence[Trial], *, metric: str
) -> list[TrialResult]:
    """Train one member per trial and fold, all as one fleet, and score each on its fold's held-out rows.

    A trial's scores are those of `cross_validate` with its hyperparameters. If no member of the fleet can be trained,
    all trials have failed, and no error is raised.

    Args:
        workflow: the one that trains.
        task: what the trials share.
        trials: the trials to score.
        metric: name of the score that ranks trials.
    """
    members = [member for own in trial_members(task, trials) for member in own]
    rows = [member.score for member in members]
    if isinstance(workflow, SupportsPreparation):
        workflow.prepare(rows)
    try:
        trained = workflow.train(task, members)
    except TrainingError as error:
        results = [_failed(trial, metric, str(error)) for trial in trials]
    else:
        scored = workflow.validate(task, [one.variables for one in trained], rows)
        starts = np.cumsum([0, *(len(trial.folds) for trial in trials)]).tolist()
        results = [
            result_of_trial(trial, trained[start:end], scored[start:end], metric)
            for trial, start, end in zip(trials, starts[:-1], starts[1:], strict=True)
        ]
    for result in results:
        task.hooks.emit(TrialEnd(trial=result))
    return results


def trial_members(task: TrainingTask, trials: Sequence[Trial]) -> list[list[Member]]:
    """Return the members of each trial, one per fold."""
    return [
        [
            attrs.evolve(member, settings=trial.numbers)
            for member in fold_members(task.rows, trial.folds, task.config, seed=trial.seed)
        ]
        for trial in trials
    ]


def result_of_trial(
    trial: Trial, trained: Sequence[TrainingResult], scored: Sequence[ValidationResult], metric: str
) -> TrialResult:
    """Return the result of a trial from those of its members, fold by fold.

    Raises:
        TrainingError: if the scores lack `metric`.
    """
    rows = [{"loss": one.loss, **one.metrics} for one in scored]
    if trial_lacks := [place for place, row in enumerate(rows) if metric not in row]:
        raise TrainingError(f"no metric returns '{metric}', which ranks the trials, in fold {trial_lacks[0]}")
    return TrialResult(
        index=trial.index,
        settings=trial.settings,
        scores={name: np.array([row[name] for row in rows], np.float64) for name in rows[0]},
        epochs=np.array([one.epochs for one in trained]),
        metric=metric,
        failure=next((f"in fold {fold}, {one.failure}" for fold, one in enumerate(trained) if one.failure), None),
    )


def _failed(trial: Trial, metric: str, failure: str) -> TrialResult:
    no_scores = np.full(len(trial.folds), np.nan)
    return TrialResult(
        index=trial.index,
        settings=trial.settings,
        scores=dict.fromkeys(("loss", metric), no_scores),
        epochs=np.zeros(len(trial.folds), np.int64),
        metric=metric,
        failure=failure,
    )
