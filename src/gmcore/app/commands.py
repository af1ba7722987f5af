"""What a person asks for: train, cross-validate, check; each leaves a run folder, or none."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs

from gmcore.app.provenance import provenance, resolved, toml_text
from gmcore.app.results import CrossValidated, Trained
from gmcore.app.run import Run
from gmcore.app.trained_model import TrainedModel
from gmcore.domain import (
    Cancellation,
    CheckpointSaved,
    Hooks,
    Member,
    RunEnd,
    RunError,
    RunStart,
    SplitConfig,
    generator,
)
from gmcore.domain.splits import held_out
from gmcore.errors import Cancelled
from gmcore.training import cross_validate as train_folds
from gmcore.training import folds_of
from gmcore.training.checkpoint import Checkpoints
from gmcore.training.run_folder import RunFolder

__all__ = [
    "cross_validate",
    "cross_validate_in",
    "new_folder",
    "parts_of",
    "train",
    "train_in",
]

R = TypeVar("R", "Trained", "CrossValidated")


def train(
    run: Run, *, runs: Path | None = None, hooks: Hooks | None = None, cancellation: Cancellation | None = None
) -> Trained:
    """Train one model on the training rows, stop on the validation rows, and score on both.

    Args:
        run: what to train.
        runs: where the run folder goes; None for no folder.
        hooks: who is told, besides those the run file names.
        cancellation: raise it to stop at the next step.

    Raises:
        Cancelled: if it was stopped; the run folder says so.
        TrainingError: if training failed; the run folder says so.
        OutputError: if the folder can't be written.
    """
    begun = time.perf_counter()
    return train_in(run, new_folder(run, "train", runs), hooks=hooks, cancellation=cancellation, begun=begun)


def train_in(
    run: Run,
    folder: RunFolder | None,
    *,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    begun: float,
) -> Trained:
    """Do what `train` says, in a folder that is there already, from its last checkpoint if it has one."""
    member = plain_member(run)

    def work(run_hooks: Hooks) -> Trained:
        task = run.task(run_hooks, cancellation or Cancellation(), _checkpoints(run, folder, run_hooks))
        (result,) = run.workflow.train(task, [member])
        roles = {"train": member.train, "validation": member.stop, "test": member.score}
        asked = {name: indices for name, indices in roles.items() if len(indices)}
        found = run.workflow.validate(task, [result.variables] * len(asked), list(asked.values()))
        scored = dict(zip(asked, found, strict=True))
        model = TrainedModel(
            model=run.model, variables=result.variables, backend=run.chosen.backend, header=_header(run)
        )
        if folder is not None:
            path = folder.path / "model.safetensors"
            model.save(path)
            for call in run_hooks.checkpoint_saved:
                call(CheckpointSaved(path=path, epoch=result.epochs))
        return Trained(
            model=model,
            training=result,
            train=scored["train"],
            validation=scored.get("validation"),
            test=scored.get("test"),
            folder=folder.path if folder else None,
            seconds=time.perf_counter() - begun,
        )

    return _run(run, "train", folder, hooks, work, lambda done: done.training)


def cross_validate(
    run: Run, *, runs: Path | None = None, hooks: Hooks | None = None, cancellation: Cancellation | None = None
) -> CrossValidated:
    """Train one model a fold, all as one fleet, and score each on its held-out rows; arguments as for `train`.

    Raises:
        DataError: if the rows can't be split so; nothing was written.
        Cancelled: if it was stopped; the run folder says so.
        TrainingError: if training failed; the run folder says so.
    """
    return cross_validate_in(run, new_folder(run, "validate", runs), hooks=hooks, cancellation=cancellation)


def cross_validate_in(
    run: Run, folder: RunFolder | None, *, hooks: Hooks | None = None, cancellation: Cancellation | None = None
) -> CrossValidated:
    """Do what `cross_validate` says, in a folder that is there already, from its last checkpoints if it has any."""
    folds = folds_of(run.validator, run.rows)

    def work(run_hooks: Hooks) -> CrossValidated:
        task = run.task(run_hooks, cancellation or Cancellation(), _checkpoints(run, folder, run_hooks))
        result = train_folds(run.workflow, task, folds, seed=run.config.seed)
        return CrossValidated(result=result, folder=folder.path if folder else None)

    return _run(run, "validate", folder, hooks, work, lambda done: done.result)


def new_folder(run: Run, command: str, runs: Path | None) -> RunFolder | None:
    """Return a new folder under `runs` with what the run is made of, or None for None."""
    if runs is None:
        return None
    facts = provenance(run, command, parts_of(run, command))
    return RunFolder.create(runs, f"{run.name}-{command}", config=toml_text(run), provenance=facts)


def parts_of(run: Run, command: str) -> list[Any]:
    """Return whose rows a command is about: the one member, or the folds."""
    return [plain_member(run)] if command == "train" else list(folds_of(run.validator, run.rows))


def _checkpoints(run: Run, folder: RunFolder | None, hooks: Hooks) -> Checkpoints | None:
    if folder is None:
        return None
    config = run.config.training.checkpoint
    return Checkpoints(folder=folder.path / "checkpoints", config=config, hooks=hooks)


def _run(
    run: Run,
    command: str,
    folder: RunFolder | None,
    hooks: Hooks | None,
    work: Callable[[Hooks], R],
    result_of: Callable[[R], Any],
) -> R:
    """Do `work` between the first hook and the last, with a folder that tells how it went."""
    everyone = _together(run.hooks, hooks or Hooks(), Hooks(epoch_end=(folder.log_epoch,)) if folder else Hooks())
    path = folder.path if folder else None
    try:
        for start in everyone.run_start:
            start(RunStart(command=command, folder=path, config=run.tables))
        done = work(everyone)
        if folder is not None:
            folder.write_json("result.json", done.report)
            folder.tell("done")
        for end in everyone.run_end:
            end(RunEnd(command=command, folder=path, result=result_of(done)))
    except BaseException as error:
        if folder is not None:
            folder.tell("cancelled" if isinstance(error, Cancelled) else "failed", message=str(error))
            error.add_note(f"run folder: {folder.path}")
        for fail in everyone.run_error:
            fail(RunError(command=command, folder=path, error=error))
        raise
    finally:
        run.data.close()
        run.workflow.close()
    return done


def plain_member(run: Run) -> Member:
    """Return the one member of a plain training: it stops on the validation rows, or on a share of its own."""
    train_rows, stop = run.split.train, run.split.validation
    stopping = run.config.training.early_stopping
    if stopping is not None and not len(stop):
        share = SplitConfig(fraction=stopping.fraction)
        train_rows, stop = held_out(run.rows, train_rows, share, generator(run.config.seed, "early stopping", 0))
    return Member(index=0, train=train_rows, stop=stop, score=run.split.test, seed=run.config.seed)


def _header(run: Run) -> dict[str, object]:
    """Return what the model's file says besides weights and schema; nothing that differs between equal runs."""
    data = {name: value for name, value in resolved(run.config.data, run.data).items() if name != "path"}
    return {
        "model": resolved(run.config.model, run.model_provider),
        "data": data if data["use"] in run.registry.data_providers else {"use": "csv"},
        "dtype": run.config.dtype,
        "seed": run.config.seed,
    }


def _together(*listeners: Hooks) -> Hooks:
    """Return hooks that tell everyone, in order."""
    names = [field.name for field in attrs.fields(Hooks)]
    return Hooks(**{name: sum((getattr(one, name) for one in listeners), ()) for name in names})
