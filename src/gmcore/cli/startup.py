"""What a command does before it imports anything: Ctrl-C ends it at once, and garbage is collected rarely."""

# The compiled part of `signal`, which imports nothing: a Ctrl-C during the imports of `signal` would be a traceback.
import _signal as signal  # type: ignore[import-not-found] # typeshed leaves it out
import atexit
import gc
import os

__all__ = ["collect_rarely", "end_at_once", "interrupt_as_usual"]

_OBJECTS = 50_000  # new objects before the next collection; Python's default is 700


def end_at_once() -> None:
    """Let Ctrl-C end the process with status 130.

    An exception in the middle of an import is printed as a traceback, or taken by a library for a missing feature.
    """
    signal.signal(signal.SIGINT, _end)


def collect_rarely() -> None:
    """Let the garbage collector visit the objects of imported modules once, at exit, instead of a dozen times.

    These visits take a tenth of the time of a short command. At exit, Python would visit the objects of each module
    again; instead, what is unreachable is collected before, so that open files of a plugin are flushed, and the rest
    is left to the operating system.
    """
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)
    atexit.register(gc.collect)  # before `gc.freeze`: the last one registered is called first


def interrupt_as_usual() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again, after `end_at_once`; another handler is left alone."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, _: object) -> None:
    try:
        os.write(2, b"\nError: stopped on request\n")
    finally:
        os._exit(128 + number)
