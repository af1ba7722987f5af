"""The command line, one file a command."""

from gmcore.cli.root import main

__all__ = ["main"]
