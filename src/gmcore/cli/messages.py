"""Log messages of components, printed to stderr."""

import contextlib
import logging
from collections.abc import Iterator

import click

__all__ = ["messages_shown"]


class _Stderr(logging.Handler):
    """Prints each message as one line."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


@contextlib.contextmanager
def messages_shown() -> Iterator[None]:
    """Print messages of the logger `gmcore` at level INFO and above while the block runs."""
    logger, handler = logging.getLogger("gmcore"), _Stderr()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
