"""Ctrl-C while the program is imported: it ends at once, without a traceback, since nothing has been started."""

# The compiled part of `signal`, which imports nothing: a Ctrl-C during the imports of `signal` would be a traceback.
import _signal as signal  # type: ignore[import-not-found] # typeshed leaves it out
import os

__all__ = ["end_at_once", "interrupt_as_usual"]


def end_at_once() -> None:
    """Let Ctrl-C end the process with status 130.

    An exception in the middle of an import is printed as a traceback, or taken by a library for a missing feature.
    """
    signal.signal(signal.SIGINT, _end)


def interrupt_as_usual() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again, after `end_at_once`; another handler is left alone."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, _: object) -> None:
    try:
        os.write(2, b"\nError: stopped on request\n")
    finally:
        os._exit(128 + number)
