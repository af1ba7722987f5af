"""The command `cross_validate`: one model per fold, trained as one fleet, with or without a run folder."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path

from gmcore.app.commands.results_so_far import folds_kept
from gmcore.app.commands.run_folders import new_folder
from gmcore.app.commands.session import locked, run_session, warn
from gmcore.app.composing.run import Run
from gmcore.app.jobs.named import check_engine
from gmcore.app.jobs.pieces import FleetRun
from gmcore.app.records.profile import profile_of
from gmcore.app.records.results import CrossValidated
from gmcore.domain import Cancellation, Hooks
from gmcore.storage.run_folder import RunFolder
from gmcore.training import cross_validate as train_folds
from gmcore.training import fold_members

__all__ = ["cross_validate", "cross_validate_in"]


def cross_validate(
    run: Run,
    *,
    runs: Path | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> CrossValidated:
    """Train one model per fold, all as one fleet, and score each on its held-out rows; arguments as for `train`.

    Raises:
        ConfigError: if the run's engine can't train its model; nothing has been written.
        DataError: if the rows can't be split by the cross-validator; nothing has been written.
        Cancelled: if the run was stopped; the run folder records it, and has the scores of the folds that had ended.
        TrainingError: if training failed; the run folder records it.
        OutputError: if the run folder can't be created.
    """
    check_engine([run])
    folder = new_folder(run, "validate", runs)
    with locked(folder):
        return cross_validate_in(run, folder, hooks=hooks, cancellation=cancellation, say=say)


def cross_validate_in(
    run: Run,
    folder: RunFolder | None,
    *,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> CrossValidated:
    """Cross-validate in an existing, locked folder, and resume from its last checkpoints if it has any."""
    folds = run.folds()
    with run_session(run, "validate", folder, hooks=hooks, say=say) as session:
        stop = cancellation or Cancellation()
        members = functools.partial(fold_members, run.rows, folds, run.config.training.config, seed=run.config.seed)
        fleet = FleetRun(run=run, name="", count=len(folds), members=members)
        outcomes = session.training(stop).outcomes([fleet])
        with folds_kept(run, session, folds), contextlib.closing(outcomes):
            train, task = functools.partial(next, outcomes), run.task(session.hooks, stop)
            result = train_folds(run.workflow, task, folds, train=train)
        done = CrossValidated(result=result, folder=session.path, profile=profile_of(run))
        session.finish(result, done.report)
    return done
