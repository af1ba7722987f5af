"""Atomic and durable file writes, safe against crashes and power cuts."""

import contextlib
import errno
import fcntl
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from gmcore.errors import InputError, OutputError

__all__ = [
    "Content",
    "alone_in",
    "append",
    "as_output_error",
    "flush",
    "flush_folder",
    "make_durable",
    "make_folder",
    "printable",
    "reason",
    "removed_on_failure",
    "write_all",
    "write_whole",
]

Content: TypeAlias = bytes | bytearray | memoryview | Sequence[bytes | bytearray | memoryview]
"""The bytes of a file, as a whole or in parts."""

_UNFINISHED = ".part"
_LONGEST_SHOWN = 300


def write_whole(path: Path, content: Content, *, mode: int = 0o666) -> None:
    """Write a file atomically and durably: a crash at any moment leaves the old content or the new, never a part.

    Only for folders of gmcore's own: partial files that killed processes left there are removed.

    Args:
        path: the file.
        content: its bytes, as a whole or in parts.
        mode: permissions of the file, before the process's umask.

    Raises:
        OutputError: if the file can't be written; nothing is left behind.
    """
    with as_output_error(f"cannot write {path}"):
        _remove_unfinished(path.parent)
        partial, handle = _open_partial(path, mode)
        try:
            with removed_on_failure(partial):
                write_all(handle, content)
                flush(handle)
                partial.replace(path)
        finally:
            os.close(handle)
        flush_folder(path.parent)


@contextlib.contextmanager
def removed_on_failure(partial: Path) -> Iterator[None]:
    """Remove an unfinished file if the block that writes it fails."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def append(path: Path, content: bytes) -> None:
    """Append to a file, which is created if absent; durable only after `make_durable`.

    Raises:
        OutputError: if it can't be written; the file keeps its old content.
    """
    with as_output_error(f"cannot write {path}"):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            end = os.fstat(handle).st_size
            try:
                write_all(handle, content)
            except OSError:
                os.ftruncate(handle, end)
                raise
        finally:
            os.close(handle)


def make_durable(path: Path) -> None:
    """Flush a file to the drive, so that its content survives a power cut; do nothing if it is absent.

    Raises:
        OutputError: if it can't be flushed.
    """
    with as_output_error(f"cannot write {path}"), contextlib.suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY)
        try:
            flush(handle)
        finally:
            os.close(handle)
        flush_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents if absent, and flush them, even if another process has just created them.

    Raises:
        OutputError: if it can't be created.
    """
    with as_output_error(f"cannot write to {folder}"):
        if not folder.parent.is_dir():
            make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a run folder against other processes and other calls in this one; the lock ends with the process.

    On file systems without locks nothing is locked.

    Raises:
        InputError: if the folder is locked already, or absent.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (OSError, ValueError) as error:
        raise InputError(f"{printable(folder)} is not a run folder: {reason(error)}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            os.close(handle)
            raise InputError(
                f"the run {folder} is in use by another process: wait until it has finished, or stop it"
            ) from error
    try:
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def as_output_error(problem: str) -> Iterator[None]:
    """Raise an `OutputError` for an `OSError`, and for the ValueError of a path that contains a NUL character."""
    try:
        yield
    except OutputError:
        raise
    except (OSError, ValueError) as error:
        raise OutputError(f"{printable(problem)}: {reason(error)}") from error


def reason(error: OSError | ValueError) -> str:
    """Return the system's words for why a file can't be opened, without its path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def printable(path: Path | str) -> str:
    """Return a path for a message, with control characters escaped, and cut if it is very long."""
    text = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(path))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN // 2]}…{text[-_LONGEST_SHOWN // 2 :]}"


def _open_partial(path: Path, mode: int = 0o666) -> tuple[Path, int]:
    """Return an empty file next to `path` and its locked handle; the lock shows other processes that it is in use."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{_UNFINISHED}")
    while True:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, mode)
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            os.ftruncate(handle, 0)
            return partial, handle
        # Another process removed it as abandoned between open and flock.
        os.close(handle)


def _remove_unfinished(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name.startswith(".") and path.suffix == _UNFINISHED:
            with contextlib.suppress(OSError):
                _remove_if_unlocked(path)


def _remove_if_unlocked(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(handle)


def write_all(handle: int, content: Content) -> None:
    """Write all bytes to an open file; the system may take them in parts."""
    for part in (content,) if isinstance(content, bytes | bytearray | memoryview) else content:
        remaining = memoryview(part)
        while remaining:
            remaining = remaining[os.write(handle, remaining) :]


def flush_folder(folder: Path) -> None:
    """Make file creations, renames and removals in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        flush(handle)
    finally:
        os.close(handle)


def flush(handle: int) -> None:
    """Flush an open file to the drive."""
    if sys.platform == "darwin":
        # On macOS, fsync does not flush the drive's own cache.
        with contextlib.suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)
