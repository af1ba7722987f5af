"""What a person asks for: train, cross-validate, check; each leaves a run folder, or none."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from gmcore.app.commands.fit import fit, plain_member
from gmcore.app.commands.session import alone, go, warn
from gmcore.app.composing.run import Run
from gmcore.app.records.profile import profile_of
from gmcore.app.records.provenance import provenance, toml_text
from gmcore.app.records.results import CrossValidated, Trained
from gmcore.domain import Cancellation, Hooks
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.run_folder import RunFolder
from gmcore.training import cross_validate as train_folds

__all__ = [
    "cross_validate",
    "cross_validate_in",
    "new_folder",
    "parts_of",
    "train",
    "train_in",
]


def train(
    run: Run,
    *,
    runs: Path | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> Trained:
    """Train one model on the training rows, stop on the validation rows, and score on both.

    Args:
        run: what to train.
        runs: where the run folder goes; None for no folder.
        hooks: who is told, besides those the run file names.
        cancellation: raise it to stop at the next step.
        say: told in a sentence of what can't be written, where the run goes on nevertheless.

    Raises:
        Cancelled: if it was stopped; the run folder says so.
        TrainingError: if training failed; the run folder says so.
        OutputError: if the folder can't be made.
    """
    begun = time.perf_counter()
    folder = new_folder(run, "train", runs)
    with alone(folder):
        return train_in(run, folder, hooks=hooks, cancellation=cancellation, say=say, begun=begun)


def train_in(
    run: Run,
    folder: RunFolder | None,
    *,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
    begun: float,
) -> Trained:
    """Do what `train` says in a folder that is there already and ours alone, from its last checkpoint if it has one."""

    def work(run_hooks: Hooks, checkpoints: Checkpoints | None) -> Trained:
        task = run.task(run_hooks, cancellation or Cancellation(), checkpoints)
        done = fit(run, task, plain_member(run), folder=folder.path if folder else None)
        return attrs.evolve(done, seconds=time.perf_counter() - begun)

    return go(run, "train", folder, hooks, work, lambda done: done.training, say)


def cross_validate(
    run: Run,
    *,
    runs: Path | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> CrossValidated:
    """Train one model a fold, all as one fleet, and score each on its held-out rows; arguments as for `train`.

    Raises:
        DataError: if the rows can't be split so; nothing was written.
        Cancelled: if it was stopped; the run folder says so.
        TrainingError: if training failed; the run folder says so.
    """
    folder = new_folder(run, "validate", runs)
    with alone(folder):
        return cross_validate_in(run, folder, hooks=hooks, cancellation=cancellation, say=say)


def cross_validate_in(
    run: Run,
    folder: RunFolder | None,
    *,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> CrossValidated:
    """Do what `cross_validate` says, in a folder as for `train_in`, from its last checkpoints if it has any."""
    folds = run.folds()

    def work(run_hooks: Hooks, checkpoints: Checkpoints | None) -> CrossValidated:
        task = run.task(run_hooks, cancellation or Cancellation(), checkpoints)
        result = train_folds(run.workflow, task, folds, seed=run.config.seed)
        return CrossValidated(result=result, folder=folder.path if folder else None, profile=profile_of(run))

    return go(run, "validate", folder, hooks, work, lambda done: done.result, say)


def new_folder(run: Run, command: str, runs: Path | None) -> RunFolder | None:
    """Return a new folder under `runs` with what the run is made of, or None for None."""
    if runs is None:
        return None
    facts = provenance(run, command, parts_of(run, command))
    return RunFolder.create(runs, f"{run.name}-{command}", config=toml_text(run), provenance=facts)


def parts_of(run: Run, command: str) -> list[Any]:
    """Return whose rows a command is about: the one member, or the folds."""
    return [plain_member(run)] if command == "train" else run.folds()
