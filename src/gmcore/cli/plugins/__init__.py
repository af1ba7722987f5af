"""`gmcore plugins`: list plugins and their options, one file per subcommand."""

import click

from gmcore.cli.root import Commands

__all__ = ["command"]


@click.command(
    "plugins",
    cls=Commands,
    package="gmcore.cli.plugins",
    summaries={
        "list": "List every installed plugin.",
        "info": "Describe a plugin and its options.",
    },
)
def command() -> None:
    """List the installed plugins and their options."""
