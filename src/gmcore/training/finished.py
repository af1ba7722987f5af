"""The results of a stopped training: those of the members whose own training had ended, from the checkpoints."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gmcore.domain import CVResult, Fold, FoldResult, Member, Snapshot, TrainingResult, TrialResult
from gmcore.ports import TrainingTask, TrainingWorkflow
from gmcore.training.cross_validate import fold_members
from gmcore.training.fleet.checkpointer import kept_so_far, restored_history
from gmcore.training.fleet.history import result_of
from gmcore.training.trials import Trial, result_of_trial, trial_members

__all__ = ["finished_folds", "finished_trials"]


def finished_folds(
    workflow: TrainingWorkflow, task: TrainingTask, folds: Sequence[Fold], snapshots: Iterable[Snapshot], *, seed: int
) -> CVResult:
    """Score the folds whose training had ended; `seconds` are those of training them.

    Args:
        workflow: the one that scores.
        task: as for `cross_validate`, with a cancellation that is not requested.
        folds: all folds.
        snapshots: the last ones of the chunks.
        seed: seed of the run.
    """
    members = fold_members(task.rows, folds, task.config, seed=seed)
    trained = dict(_finished(members, snapshots))
    if not trained:
        return CVResult(folds=(), seconds=0.0)
    scored = workflow.validate(
        task, [one.variables for one in trained.values()], [members[place].score for place in trained]
    )
    results = tuple(
        FoldResult(index=folds[place].index, training=training, validation=validation)
        for (place, training), validation in zip(trained.items(), scored, strict=True)
    )
    return CVResult(folds=results, seconds=max(one.seconds for one in trained.values()))


def finished_trials(
    workflow: TrainingWorkflow,
    task: TrainingTask,
    trials: Sequence[Trial],
    snapshots: Iterable[Snapshot],
    *,
    metric: str,
) -> list[TrialResult]:
    """Score the trials of a fleet all of whose models' training had ended.

    Arguments as for `score_trials`, with a cancellation that is not requested; `snapshots` are the last ones of the
    fleet's chunks.
    """
    members = trial_members(task, trials)
    trained = dict(_finished([one for own in members for one in own], snapshots))
    results, start = [], 0
    for trial, own in zip(trials, members, strict=True):
        places = range(start, start := start + len(own))
        if all(place in trained for place in places):
            ended = [trained[place] for place in places]
            scored = workflow.validate(task, [one.variables for one in ended], [member.score for member in own])
            results.append(result_of_trial(trial, ended, scored, metric))
    return results


def _finished(members: Sequence[Member], snapshots: Iterable[Snapshot]) -> Iterator[tuple[int, TrainingResult]]:
    """Yield the place among `members` and the result of each one that had stopped, or whose chunk had ended."""
    start = 0
    for snapshot in snapshots:
        history, kept = restored_history(snapshot), kept_so_far(snapshot)
        ended = ~history.active(len(snapshot.members)) | snapshot.done
        for place in np.flatnonzero(ended).tolist():
            result = result_of(members[start + place], place, history, kept, seconds=snapshot.seconds)
            yield start + place, result
        start += len(snapshot.members)
