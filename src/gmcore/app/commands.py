"""What a person asks for: train, cross-validate, check; each leaves a run folder, or none."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs

from gmcore.app.provenance import provenance, toml_text
from gmcore.app.run import Run
from gmcore.app.trained_model import TrainedModel
from gmcore.domain import (
    Cancellation,
    CheckpointSaved,
    CVResult,
    Hooks,
    Member,
    RunEnd,
    RunError,
    RunStart,
    SplitConfig,
    TrainingResult,
    ValidationResult,
    generator,
)
from gmcore.domain.splits import held_out
from gmcore.errors import Cancelled
from gmcore.training import cross_validate as train_folds
from gmcore.training import folds_of
from gmcore.training.run_folder import RunFolder

__all__ = ["CrossValidated", "Trained", "cross_validate", "train"]

R = TypeVar("R", "Trained", "CrossValidated")


@attrs.frozen(kw_only=True, eq=False)
class Trained:
    """What `train` gives back.

    Attributes:
        model: ready to predict and to be saved.
        training: epochs, history and weights.
        train: how it does on the rows it was trained on.
        validation: on the rows that steered early stopping; None without any.
        test: on the rows that nothing saw; None without any.
        folder: the run folder; None if none was asked for.
        seconds: wall time of all of it.
    """

    model: TrainedModel
    training: TrainingResult
    train: ValidationResult
    validation: ValidationResult | None
    test: ValidationResult | None
    folder: Path | None
    seconds: float

    @property
    def report(self) -> dict[str, object]:
        """The same as JSON values."""
        scored = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            "run": self.folder,
            "model": self.folder / "model.safetensors" if self.folder else None,
            "epochs": self.training.epochs,
            "best_epoch": self.training.best_epoch,
            **{name: {"loss": one.loss, **one.metrics} for name, one in scored.items() if one is not None},
            "seconds": self.seconds,
        }


@attrs.frozen(kw_only=True, eq=False)
class CrossValidated:
    """What `cross_validate` gives back.

    Attributes:
        result: the folds, their mean and spread.
        folder: the run folder; None if none was asked for.
    """

    result: CVResult
    folder: Path | None

    @property
    def report(self) -> dict[str, object]:
        """The same as JSON values."""
        folds = [
            {
                "index": fold.index,
                "loss": fold.validation.loss,
                "best_epoch": fold.training.best_epoch,
                "epochs": fold.training.epochs,
                "metrics": dict(fold.validation.metrics),
            }
            for fold in self.result.folds
        ]
        mean, std, seconds = self.result.mean, self.result.std, self.result.seconds
        return {"run": self.folder, "folds": folds, "mean": mean, "std": std, "seconds": seconds}


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
    member = _plain_member(run)

    def work(run_hooks: Hooks, folder: RunFolder | None) -> Trained:
        task = run.task(run_hooks, cancellation or Cancellation())
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

    return _run(run, "train", runs, hooks, {"member": member}, work, lambda done: done.training)


def cross_validate(
    run: Run, *, runs: Path | None = None, hooks: Hooks | None = None, cancellation: Cancellation | None = None
) -> CrossValidated:
    """Train one model a fold, all as one fleet, and score each on its held-out rows; arguments as for `train`.

    Raises:
        DataError: if the rows can't be split so; nothing was written.
        Cancelled: if it was stopped; the run folder says so.
        TrainingError: if training failed; the run folder says so.
    """
    folds = folds_of(run.validator, run.rows)

    def work(run_hooks: Hooks, folder: RunFolder | None) -> CrossValidated:
        task = run.task(run_hooks, cancellation or Cancellation())
        result = train_folds(run.workflow, task, folds, seed=run.config.seed)
        return CrossValidated(result=result, folder=folder.path if folder else None)

    return _run(run, "validate", runs, hooks, {"folds": folds}, work, lambda done: done.result)


def _run(
    run: Run,
    command: str,
    runs: Path | None,
    hooks: Hooks | None,
    parts: dict[str, Any],
    work: Callable[[Hooks, RunFolder | None], R],
    result_of: Callable[[R], Any],
) -> R:
    """Do `work` between the first hook and the last, with a folder that tells how it went."""
    folder = None
    if runs is not None:
        facts = provenance(run, command, parts)
        folder = RunFolder.create(runs, f"{run.name}-{command}", config=toml_text(run), provenance=facts)
    everyone = _together(run.hooks, hooks or Hooks(), Hooks(epoch_end=(folder.log_epoch,)) if folder else Hooks())
    path = folder.path if folder else None
    try:
        for start in everyone.run_start:
            start(RunStart(command=command, folder=path, config=run.tables))
        done = work(everyone, folder)
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


def _plain_member(run: Run) -> Member:
    """Return the one member of a plain training: it stops on the validation rows, or on a share of its own."""
    train_rows, stop = run.split.train, run.split.validation
    stopping = run.config.training.early_stopping
    if stopping is not None and not len(stop):
        share = SplitConfig(fraction=stopping.fraction)
        train_rows, stop = held_out(run.rows, train_rows, share, generator(run.config.seed, "early stopping", 0))
    return Member(index=0, train=train_rows, stop=stop, score=run.split.test, seed=run.config.seed)


def _header(run: Run) -> dict[str, object]:
    """Return what the model's file says besides weights and schema; nothing that differs between equal runs."""
    data = {name: value for name, value in run.config.data.items() if name != "path"}
    known = data.get("use") in run.registry.data_providers
    return {
        "model": dict(run.config.model),
        "data": data if known else {"use": "csv"},
        "dtype": run.config.dtype,
        "seed": run.config.seed,
    }


def _together(*listeners: Hooks) -> Hooks:
    """Return hooks that tell everyone, in order."""
    names = [field.name for field in attrs.fields(Hooks)]
    return Hooks(**{name: sum((getattr(one, name) for one in listeners), ()) for name in names})
