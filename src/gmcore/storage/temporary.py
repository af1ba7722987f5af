"""Temporary folders, removed on exit and after a crash; and the cache folder."""

import contextlib
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from gmcore.errors import OutputError
from gmcore.storage.files import make_folder

__all__ = ["cache_folder", "temporary_folder"]

_UNFINISHED = ".part"


def cache_folder() -> Path:
    """Return the folder for what gmcore can rebuild: `$XDG_CACHE_HOME/gmcore`, or `~/.cache/gmcore`.

    Raises:
        OutputError: if this user has no home folder, and XDG_CACHE_HOME is not set.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG Base Directory Specification has relative paths ignored.
    if given.is_absolute():
        return given / "gmcore"
    try:
        return Path.home() / ".cache" / "gmcore"
    except RuntimeError as error:
        raise OutputError("this user has no home folder for the cache: set XDG_CACHE_HOME") from error


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in `parent` that is removed afterwards; also remove those that killed processes left.

    Raises:
        OutputError: if `parent` can't be written to.
    """
    make_folder(parent)
    try:
        _remove_abandoned(parent)
        folder, lock = _new_folder(parent)
    except OSError as error:
        raise OutputError(f"cannot write to {parent}: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _new_folder(parent: Path) -> tuple[Path, int]:
    """Return a new folder and its locked handle; the lock shows other processes that it is in use."""
    while True:
        folder = parent / f".{uuid.uuid4().hex}{_UNFINISHED}"
        folder.mkdir()
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            # Another process removed it as abandoned between mkdir and flock.
            os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f".*{_UNFINISHED}"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)
