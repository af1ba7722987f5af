"""The command `train`: one model, trained and scored, with or without a run folder."""

import time
from collections.abc import Callable
from pathlib import Path

import attrs

from gmcore.app.commands.best_model import best_model_kept
from gmcore.app.commands.fit import fit, plain_member
from gmcore.app.commands.run_folders import new_folder
from gmcore.app.commands.session import locked, run_session, warn
from gmcore.app.composing.run import Run
from gmcore.app.records.results import Trained
from gmcore.domain import Cancellation, Hooks
from gmcore.storage.run_folder import RunFolder

__all__ = ["train", "train_in"]


def train(
    run: Run,
    *,
    runs: Path | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> Trained:
    """Train one model on the training rows, stop on the validation rows, and score it on all roles of rows.

    Args:
        run: the run to train.
        runs: folder in which a run folder is created; None for none.
        hooks: listeners in addition to those of the run's hook plugins.
        cancellation: stops the training at the next step once it is set.
        say: called with a message for each failed write after which the run continues.

    Raises:
        Cancelled: if the run was stopped; the run folder records it, and has the best model so far.
        TrainingError: if training failed; the run folder records it.
        OutputError: if the run folder can't be created.
    """
    start = time.perf_counter()
    folder = new_folder(run, "train", runs)
    with locked(folder):
        return train_in(run, folder, hooks=hooks, cancellation=cancellation, say=say, start=start)


def train_in(
    run: Run,
    folder: RunFolder | None,
    *,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
    start: float,
) -> Trained:
    """Train in an existing, locked folder, and resume from its last checkpoint if it has one.

    The result's `seconds` count from `start`, a value of `time.perf_counter`.
    """
    with run_session(run, "train", folder, hooks=hooks, say=say) as session:
        task = run.task(session.hooks, cancellation or Cancellation(), session.checkpoints)
        with best_model_kept(run, session.path, session.checkpoints):
            done = fit(run, task, plain_member(run), folder=session.path)
        done = attrs.evolve(done, seconds=time.perf_counter() - start)
        session.finish(done.result, done.report)
    return done
