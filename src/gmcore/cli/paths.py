"""Path arguments shared by several commands; a separate file, so that `gmcore plugins` does not import `pathlib`."""

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
    help="Folder in which the run folder is created.",
)
