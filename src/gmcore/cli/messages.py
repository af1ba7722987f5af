"""What components say while they work, such as how much of a large file is read."""

import contextlib
import logging
from collections.abc import Iterator

import click

__all__ = ["messages_shown"]


class _Stderr(logging.Handler):
    """Writes a message as a line for people."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


@contextlib.contextmanager
def messages_shown() -> Iterator[None]:
    """Show what is logged under `gmcore`, from notes on, while the block runs."""
    logger, handler = logging.getLogger("gmcore"), _Stderr()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
