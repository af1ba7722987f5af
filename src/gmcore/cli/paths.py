"""Paths that several commands take; apart from other options, as listing plugins takes none and needs no `pathlib`."""

from pathlib import Path

import click

__all__ = ["run_file", "runs_folder"]

run_file = click.argument("run", type=click.Path(path_type=Path))

runs_folder = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    metavar="DIR",
    help="Where the run's folder goes.",
)
