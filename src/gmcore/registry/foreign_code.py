"""Imports of plugins, whose text on stdout goes to stderr, so that it does not mix with a program's own output."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

__all__ = ["stdout_to_stderr"]

_lock = threading.Lock()
_inside: int = 0
_before: TextIO | None = None


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Let `print` write to stderr while the block runs, in all threads; blocks of several threads may overlap."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _before  # noqa: PLW0603 - sys.stdout is one for the process, and so is what replaces it
    with _lock:
        if not _inside:
            _before, sys.stdout = sys.stdout, sys.stderr
        _inside += 1


def _leave() -> None:
    global _inside, _before  # noqa: PLW0603 - as above
    with _lock:
        _inside -= 1
        # A plugin may have replaced the stream itself, and then it stays.
        if not _inside and sys.stdout is sys.stderr and _before is not None:
            sys.stdout, _before = _before, None
