"""The command line, one file per command."""

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its status."""
    from gmcore.cli.startup import collect_rarely, end_at_once  # Ctrl-C is handled before anything else is imported

    end_at_once()
    collect_rarely()
    from gmcore.cli.root import main as run  # as above

    run()
