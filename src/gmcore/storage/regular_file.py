"""Reading of whole files that must be regular: a device or FIFO in their place is refused at once."""

import json
import os
import stat
from pathlib import Path

from gmcore.errors import InputError
from gmcore.storage.files import printable, reason

__all__ = ["json_problem", "read_regular", "read_text"]


def read_regular(path: Path) -> bytes:
    """Return the content of a regular file.

    Raises:
        FileNotFoundError: if it does not exist.
        InputError: if it can't be read, or is a folder, a FIFO or a device.
    """
    try:
        # A FIFO would block until another process writes to it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {printable(path)}: {reason(error)}") from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        what = "a folder" if stat.S_ISDIR(mode) else "a device or FIFO"
        raise InputError(f"cannot read {printable(path)}: it is {what}, not a file")
    with os.fdopen(handle, "rb") as file:
        try:
            return file.read()
        except OSError as error:
            raise InputError(f"cannot read {printable(path)}: {reason(error)}") from error
        except MemoryError as error:
            raise InputError(f"cannot read {printable(path)}: it is larger than the memory") from error


def read_text(path: Path) -> str:
    """Return the text of a regular file in UTF-8; raises as `read_regular` does, and UnicodeDecodeError."""
    return read_regular(path).decode()


def json_problem(error: Exception) -> str:
    """Return what is wrong with JSON that can't be read, or that has other entries than its reader expects.

    Args:
        error: the error that reading it raised: of Python's, such as a `KeyError`, whose own text is about Python.
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON from line {error.lineno} on"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"{error!s:.60} is missing"
    if isinstance(error, ValueError):
        return f"{error!s:.200}"
    return "an entry is not of the type that it must have"
