"""`gmcore validate`: every fold of a run file at once."""

from pathlib import Path

import click

from gmcore.app import CrossValidated, cross_validate, open_run
from gmcore.cli.describe import describe
from gmcore.cli.options import as_json, run_file, runs_folder
from gmcore.cli.output import say, table, write_json
from gmcore.cli.progress import progress
from gmcore.cli.signals import cancelled_by_signals

__all__ = ["command", "summary"]


@click.command("validate")
@run_file
@runs_folder
@as_json
def command(run: Path, runs: Path, *, as_json: bool) -> None:
    """Cross-validate as the file RUN says: train one model a fold, all at once, and score each on rows it never saw."""
    opened = open_run(run)
    with cancelled_by_signals() as cancellation:
        say(describe(opened))
        done = cross_validate(opened, runs=runs, hooks=progress(opened.registry), cancellation=cancellation, say=say)
    say(summary(done))
    if as_json:
        write_json(done.report)


def summary(done: CrossValidated) -> str:
    """Return what came out, for people."""
    result = done.result
    rows: list[tuple[object, ...]] = [
        (
            str(fold.index),
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
            f"run: {done.folder}" if done.folder else "",
        ]
    ).rstrip()
