"""Room on disk for what is being made, which nobody finds afterwards."""

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
    """Return where gmcore keeps what it can make again: `$XDG_CACHE_HOME/gmcore`, or `~/.cache/gmcore`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gmcore"


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in `parent` that is gone afterwards, as those are of processes that died.

    Raises:
        OutputError: if the place does not take it.
    """
    make_folder(parent)
    try:
        _remove_dead(parent)
        folder, lock = _new_folder(parent)
    except OSError as error:
        raise OutputError(f"cannot write to {parent}: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _new_folder(parent: Path) -> tuple[Path, int]:
    """Return a new folder and its handle, locked: so others see that its process lives."""
    while True:
        folder = parent / f".{uuid.uuid4().hex}{_UNFINISHED}"
        folder.mkdir()
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            # Between making and locking it someone took it for a dead process's.
            os.close(lock)


def _remove_dead(parent: Path) -> None:
    for folder in parent.glob(f".*{_UNFINISHED}"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)
