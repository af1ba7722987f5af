"""A search: one fleet with one member per trial and fold."""

from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np

from gmcore.domain import (
    Fold,
    Member,
    Rows,
    TrainingResult,
    TrialEnd,
    TrialResult,
    ValidationResult,
    WorkflowConfig,
)
from gmcore.errors import TrainingError
from gmcore.ports import SupportsPreparation, TrainingTask, TrainingWorkflow
from gmcore.training.cross_validate import Outcome, fold_members

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
    workflow: TrainingWorkflow,
    task: TrainingTask,
    trials: Sequence[Trial],
    *,
    metric: str,
    train: Callable[[], Sequence[Outcome]],
) -> list[TrialResult]:
    """Train one member per trial and fold, all as one fleet, and score each on its fold's held-out rows.

    A trial's scores are those of `cross_validate` with its hyperparameters. A trial with a member that was not trained
    has failed, and no error is raised.

    Args:
        workflow: the one that scores.
        task: what the trials share.
        trials: the trials to score.
        metric: name of the score that ranks trials.
        train: trains the members of all trials, in the order of `trial_members`.
    """
    rows = [fold.validation for trial in trials for fold in trial.folds]
    if isinstance(workflow, SupportsPreparation):
        workflow.prepare(rows)
    try:
        outcomes = train()
    except TrainingError as error:
        outcomes = [str(error)] * len(rows)
    trained = {place: one for place, one in enumerate(outcomes) if not isinstance(one, str)}
    variables = [one.variables for one in trained.values()]
    scored = workflow.validate(task, variables, [rows[place] for place in trained]) if trained else []
    by_place = dict(zip(trained, scored, strict=True))
    results, start = [], 0
    for trial in trials:
        places = range(start, start := start + len(trial.folds))
        lost = next((one for place in places if isinstance(one := outcomes[place], str)), None)
        if lost is None:
            ended, scores = [trained[place] for place in places], [by_place[place] for place in places]
            results.append(result_of_trial(trial, ended, scores, metric))
        else:
            results.append(_failed(trial, metric, lost))
    for result in results:
        task.hooks.emit(TrialEnd(trial=result))
    return results


def trial_members(rows: Rows, config: WorkflowConfig, trials: Sequence[Trial]) -> list[Member]:
    """Return the members of all trials, trial by trial, one per fold."""
    return [
        attrs.evolve(member, settings=trial.numbers)
        for trial in trials
        for member in fold_members(rows, trial.folds, config, seed=trial.seed)
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
