"""`gmcore validate`: cross-validate as described in a run file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gmcore.cli.options import as_json, with_engine, with_profile
from gmcore.cli.output import say, table, write_json
from gmcore.cli.paths import run_file, runs_folder

if TYPE_CHECKING:
    from gmcore.app import CrossValidated

__all__ = ["command", "exit_status", "summary"]


@click.command("validate")
@run_file
@runs_folder
@with_engine
@with_profile
@as_json
def command(run: Path, runs: Path, engine: str | None, *, profile: bool, as_json: bool) -> None:
    """Cross-validate as described in the file RUN: train one model per fold, all at once, and score held-out rows."""
    from gmcore.app import cross_validate, open_run
    from gmcore.cli.describe import describe
    from gmcore.cli.profile import profile_table
    from gmcore.cli.progress import progress
    from gmcore.cli.signals import cancelled_by_signals

    opened = open_run(run, command="validate", settings={"engine": engine} if engine else None)
    with cancelled_by_signals() as cancellation:
        say(describe(opened))
        done = cross_validate(opened, runs=runs, hooks=progress(opened.registry), cancellation=cancellation, say=say)
    say(summary(done))
    if profile:
        say(profile_table(done.profile, done.seconds))
    if as_json:
        write_json(done.report)
    click.get_current_context().exit(exit_status(done))


def exit_status(done: "CrossValidated") -> int:
    """Return 0 if every fold was trained, else 1: results exist, but some folds failed."""
    return 1 if done.result.failed_folds else 0


def summary(done: "CrossValidated") -> str:
    """Return the scores of each fold, their mean and their standard deviation as text."""
    result, failed = done.result, len(done.result.failed_folds)
    rows: list[tuple[object, ...]] = [
        (
            f"{fold.index} failed" if fold.training.failure else str(fold.index),
            fold.training.epochs,
            fold.training.best_epoch,
            fold.validation.loss,
            *fold.validation.metrics.values(),
        )
        for fold in result.folds
    ]
    rows += [(name, "", "", *numbers.values()) for name, numbers in (("mean", result.mean), ("std", result.std))]
    return "\n".join(
        [
            table(("fold", "epochs", "best", *result.mean), rows),
            "",
            f"{len(result.folds)} folds in {result.seconds:.1f} s",
            *([f"{failed} of {len(result.folds)} folds failed: mean and std are over the others"] if failed else []),
            f"run: {done.folder}" if done.folder else "",
        ]
    ).rstrip()
