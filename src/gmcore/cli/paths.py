"""Path arguments shared by several commands; a separate file, so that `gmcore plugins` does not import `pathlib`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gmcore.cli.output import say

if TYPE_CHECKING:
    from gmcore.app.records.run_lookup import RunKind

__all__ = ["chosen_run", "latest_run", "run_file", "runs_folder", "runs_to_search"]

_DEFAULT = Path("runs")

run_file = click.argument("run", type=click.Path(path_type=Path))

_runs = partial(
    click.option, "--runs", type=click.Path(path_type=Path), default=_DEFAULT, show_default=True, metavar="DIR"
)
runs_folder = _runs(help="Folder in which the run folder is created.")
runs_to_search = _runs(help="Folder of the runs that are found by name or with --latest.")

latest_run = click.option("--latest", is_flag=True, help="Use the newest run.")


def chosen_run(given: Path | None, kind: "RunKind", *, latest: bool, argument: str, runs: Path = _DEFAULT) -> Path:
    """Return the path of a run that a command was given, and print it unless it was given as a path.

    Args:
        given: the command's argument: a path, or the name of a run or of its folder in `runs`; None if it is left out.
        kind: the runs that the command can use.
        latest: whether the newest of them is used; then `given` must be None.
        argument: the argument's name in messages.
        runs: the folder of the runs.

    Raises:
        click.UsageError: if there is neither an argument nor `--latest`, or both.
        InputError: if there is no such run.
    """
    from gmcore.app.records.run_lookup import newest_run, run_named

    if latest == (given is not None):
        problem = f"--latest takes the place of {argument}" if latest else f"Missing argument '{argument}'"
        raise click.UsageError(f"{problem}: give one of {argument} and --latest.")
    found = newest_run(runs, kind) if given is None else run_named(given, runs, kind)
    if found != given:
        say(f"run: {found}")
    return found
