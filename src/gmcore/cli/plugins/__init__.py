"""`gmcore plugins`: what is installed, a file a subcommand."""

import click

from gmcore.cli.root import Commands

__all__ = ["command"]


@click.command(
    "plugins",
    cls=Commands,
    package="gmcore.cli.plugins",
    summaries={
        "list": "Name every plugin that is installed.",
        "info": "Say what a plugin is and which options it has.",
    },
)
def command() -> None:
    """List the plugins that are installed, and their options."""
