"""Files that are whole or absent, and durable when the call returns, whatever is killed or unplugged meanwhile."""

import contextlib
import errno
import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from gmcore.errors import InputError, OutputError

__all__ = ["alone_in", "append", "make_durable", "make_folder", "write_whole"]

_UNFINISHED = ".part"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a crash at any moment leaves the old content or the new, never a part.

    What processes that died while they wrote left in the folder is removed.

    Raises:
        OutputError: if the place does not take it; nothing is left behind.
    """
    with _told_as(f"cannot write {path}"):
        _remove_unfinished(path.parent)
        beside, handle = _open_beside(path)
        try:
            _write_all(handle, content)
            _flush(handle)
            beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        finally:
            os.close(handle)
        _flush_folder(path.parent)


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file, which is made if need be; not durable before `make_durable`.

    Raises:
        OutputError: if the place does not take it; the file is as it was.
    """
    with _told_as(f"cannot write {path}"):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            end = os.fstat(handle).st_size
            try:
                _write_all(handle, content)
            except OSError:
                os.ftruncate(handle, end)
                raise
        finally:
            os.close(handle)


def make_durable(path: Path) -> None:
    """Make what a file holds survive a power cut, if there is one.

    Raises:
        OutputError: if the place does not take it.
    """
    with _told_as(f"cannot write {path}"), contextlib.suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY)
        try:
            _flush(handle)
        finally:
            os.close(handle)
        _flush_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, if they are not there; durable, also where someone else made it just now.

    Raises:
        OutputError: if the place does not take it.
    """
    with _told_as(f"cannot write to {folder}"):
        if not folder.parent.is_dir():
            make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _flush_folder(folder.parent)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes, and other calls of this one, out of a run folder; a process that dies lets go of it.

    A file system that has no locks is used without.

    Raises:
        InputError: if another is in it.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{folder} is not a run folder: {error.strerror or error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            os.close(handle)
            raise InputError(
                f"the run {folder} is under way in another process: wait for its end, or stop it"
            ) from error
    try:
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told_as(what: str) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{what}: {error.strerror or error}") from error


def _open_beside(path: Path) -> tuple[Path, int]:
    """Return an empty file beside `path` and its handle, locked: so others see that its writer lives."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{_UNFINISHED}")
    while True:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT, 0o666)
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            os.ftruncate(handle, 0)
            return beside, handle
        # Between opening and locking someone took it for a dead process's.
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


def _write_all(handle: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]


def _flush_folder(folder: Path) -> None:
    """Make what was made, renamed and removed in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        _flush(handle)
    finally:
        os.close(handle)


def _flush(handle: int) -> None:
    if sys.platform == "darwin":
        # There, fsync leaves it to the drive when it writes.
        with contextlib.suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)
