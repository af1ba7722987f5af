"""The command line, one file per command."""

from gmcore.cli.root import main

__all__ = ["main"]
