"""Exits of a component, such as by `sys.exit`, and its other exceptions: errors that name the distribution."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from types import FrameType

from gmcore.errors import TrainingError
from gmcore.registry.discovery import EntryPoint, scan
from gmcore.registry.entry import owner

__all__ = ["exit_error", "exits_as_errors", "is_exit", "plugin_error"]

_LIBRARIES = {*sys.stdlib_module_names, "gmcore"} - {"__main__"}


def is_exit(error: BaseException) -> bool:
    """Return whether an exception ends the program past `except Exception` without a request to stop."""
    return not isinstance(error, Exception | KeyboardInterrupt | GeneratorExit)


@contextlib.contextmanager
def exits_as_errors() -> Iterator[None]:
    """Raise a `TrainingError` in place of a `SystemExit` of the block, or of another `BaseException`.

    `KeyboardInterrupt` and ordinary exceptions pass.
    """
    try:
        yield
    except BaseException as error:
        if is_exit(error):
            raise exit_error(error) from error
        raise


def exit_error(error: BaseException) -> TrainingError:
    """Return the error for an exit; it has the notes of `error`."""
    what = f"called sys.exit({error.code!r})" if isinstance(error, SystemExit) else f"raised {_described(error)}"
    found = TrainingError(f"{_culprit(error)} {what}, which a component must not do: it must raise an exception")
    for note in getattr(error, "__notes__", ()):
        found.add_note(note)
    return found


def plugin_error(error: Exception) -> TrainingError | None:
    """Return the error for an ordinary exception that a plugin's own code raised, with its notes.

    None if the innermost code, libraries aside, is gmcore's own: then it is a bug of gmcore, and wants a traceback.
    """
    owners = _owners()
    packages = (_package_of(frame) for frame, _ in _frames(error))
    if next((package for package in packages if package in owners or package == "gmcore"), "gmcore") == "gmcore":
        return None
    found = TrainingError(f"{_culprit(error)} raised {_described(error)}")
    for note in getattr(error, "__notes__", ()):
        found.add_note(note)
    return found


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _culprit(error: BaseException) -> str:
    """Return the innermost code that is neither gmcore's nor a library's: its distribution, if any, and its place."""
    owners = _owners()
    for frame, line in _frames(error):
        code, package = frame.f_code, _package_of(frame)
        if point := owners.get(package):
            return f"{owner(point)} ({code.co_filename}, line {line}, in {code.co_name})"
        if package not in _LIBRARIES and "site-packages" not in code.co_filename:
            return f"{code.co_name} ({code.co_filename}, line {line})"
    return "a component"


def _owners() -> dict[str, EntryPoint]:
    """Return an entry point of each plugin by its top-level package."""
    return {_package(point): point for point in scan() if point.distribution != "gmcore"}


def _frames(error: BaseException) -> list[tuple[FrameType, int]]:
    return list(traceback.walk_tb(error.__traceback__))[::-1]


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _package(point: EntryPoint) -> str:
    return point.value.partition(":")[0].partition(".")[0].strip()
