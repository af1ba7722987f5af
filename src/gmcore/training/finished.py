"""The results of members whose own training had ended, from the checkpoints of their chunks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from gmcore.domain import CVResult, Fold, FoldResult, Member, Snapshot, TrainingResult, TrialResult
from gmcore.ports import TrainingTask, TrainingWorkflow
from gmcore.training.cross_validate import fold_members
from gmcore.training.fleet.checkpointer import kept_so_far, restored_history
from gmcore.training.fleet.history import result_of
from gmcore.training.trials import Trial, result_of_trial, trial_members

__all__ = ["Placed", "finished_folds", "finished_members", "finished_trials"]

Placed = Iterable[tuple[int, Snapshot]]
"""The last snapshots of a fleet's chunks, each with the place of its first member in the fleet."""


def finished_folds(
    workflow: TrainingWorkflow, task: TrainingTask, folds: Sequence[Fold], snapshots: Placed, *, seed: int
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
    trained = finished_members(members, snapshots)
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
    workflow: TrainingWorkflow, task: TrainingTask, trials: Sequence[Trial], snapshots: Placed, *, metric: str
) -> list[TrialResult]:
    """Score the trials of a fleet all of whose models' training had ended.

    Args:
        workflow: the one that scores.
        task: what the trials share, with a cancellation that is not requested.
        trials: all trials of the fleet.
        snapshots: the last ones of the fleet's chunks.
        metric: name of the score that ranks trials.
    """
    trained = finished_members(trial_members(task.rows, task.config, trials), snapshots)
    results, start = [], 0
    for trial in trials:
        places = range(start, start := start + len(trial.folds))
        if all(place in trained for place in places):
            ended = [trained[place] for place in places]
            scored = workflow.validate(task, [one.variables for one in ended], [one.validation for one in trial.folds])
            results.append(result_of_trial(trial, ended, scored, metric))
    return results


def finished_members(members: Sequence[Member], snapshots: Placed) -> Mapping[int, TrainingResult]:
    """Return the result of each member that had stopped, or whose chunk had ended, by its place among `members`."""
    return dict(_finished(members, snapshots))


def _finished(members: Sequence[Member], snapshots: Placed) -> Iterator[tuple[int, TrainingResult]]:
    for start, snapshot in snapshots:
        history, kept = restored_history(snapshot), kept_so_far(snapshot)
        ended = ~history.active(len(snapshot.members)) | snapshot.done
        for place in np.flatnonzero(ended).tolist():
            result = result_of(members[start + place], place, history, kept, seconds=snapshot.seconds)
            yield start + place, result
