"""`gmcore cache`: show and remove what is kept between runs, one file per subcommand."""

import click

from gmcore.cli.root import Commands

__all__ = ["command"]


@click.command(
    "cache",
    cls=Commands,
    package="gmcore.cli.cache",
    summaries={
        "list": "List what is kept, and its size.",
        "clear": "Remove what is kept and not in use.",
    },
)
def command() -> None:
    """Show or remove what is kept between runs: rows of data files, and compiled programs.

    All of it can be made again. It is in $XDG_CACHE_HOME/gmcore, or ~/.cache/gmcore.
    """
