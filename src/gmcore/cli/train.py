"""`gmcore train`: train one model as described in a run file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gmcore.cli.options import as_json, with_profile
from gmcore.cli.output import say, table, write_json
from gmcore.cli.paths import run_file, runs_folder

if TYPE_CHECKING:
    from gmcore.app import Trained

__all__ = ["command", "summary"]


@click.command("train")
@run_file
@runs_folder
@with_profile
@as_json
def command(run: Path, runs: Path, *, profile: bool, as_json: bool) -> None:
    """Train one model as described in the file RUN, and save it in a new run folder."""
    from gmcore.app import open_run, train
    from gmcore.cli.describe import describe
    from gmcore.cli.profile import profile_table
    from gmcore.cli.progress import progress
    from gmcore.cli.signals import cancelled_by_signals

    opened = open_run(run)
    with cancelled_by_signals() as cancellation:
        say(describe(opened))
        done = train(opened, runs=runs, hooks=progress(opened.registry), cancellation=cancellation, say=say)
    say(summary(done))
    if profile:
        say(profile_table(done.profile, done.seconds))
    if as_json:
        write_json(done.report)


def summary(done: "Trained") -> str:
    """Return losses, metrics and output paths as text."""
    scored = {"training": done.train, "validation": done.validation, "test": done.test}
    rows = [
        (name, one.n_samples, float(one.loss), *map(float, one.metrics.values()))
        for name, one in scored.items()
        if one is not None
    ]
    return "\n".join(
        [
            table(("rows", "", "loss", *done.train.metrics), rows),
            "",
            f"best of {done.result.epochs} epochs: {done.result.best_epoch}; {done.seconds:.1f} s",
            f"model: {done.folder / 'model.safetensors'}" if done.folder else "",
        ]
    ).rstrip()
