"""`gmcore check`: everything that is wrong with a run file, without training."""

from pathlib import Path

import click

from gmcore.app import Run, open_run
from gmcore.cli.describe import describe
from gmcore.cli.options import as_json, run_file
from gmcore.cli.output import say, write_json
from gmcore.training import folds_of

__all__ = ["command"]


@click.command("check")
@run_file
@as_json
def command(run: Path, *, as_json: bool) -> None:
    """Say everything that is wrong with the file RUN, its data and its folds; or what it would train.

    Nothing is trained and nothing is written.
    """
    opened = open_run(run)
    folds = len(folds_of(opened.validator, opened.rows))
    say(describe(opened))
    say(f"{folds} folds")
    if as_json:
        write_json(_report(opened, run, folds))


def _report(opened: Run, path: Path, folds: int) -> dict[str, object]:
    schema = opened.rows.schema
    return {
        "run_file": path,
        "rows": len(opened.rows),
        "features": [feature.name for feature in schema.features],
        "target": list(schema.target.names),
        "classes": list(schema.target.classes),
        "model": opened.model.info.name,
        "parameters": opened.model.info.parameter_count,
        "backend": opened.chosen.backend.name,
        "device": opened.chosen.backend.device,
        "why": opened.chosen.why,
        "dtype": opened.config.dtype,
        "folds": folds,
    }
