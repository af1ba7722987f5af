"""Arguments and options that several commands have."""

from pathlib import Path

import click

__all__ = ["as_json", "run_file", "runs_folder", "with_profile"]

run_file = click.argument("run", type=click.Path(path_type=Path))

runs_folder = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    metavar="DIR",
    help="Where the run's folder goes.",
)

as_json = click.option("--json", "as_json", is_flag=True, help="Put the result on stdout, as one JSON object.")

with_profile = click.option("--profile", is_flag=True, help="Say where the time went, and how much memory was taken.")
