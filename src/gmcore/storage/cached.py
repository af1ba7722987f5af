"""What is in gmcore's cache folder: rows of data files, and compiled programs."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs

from gmcore.errors import InputError, did_you_mean
from gmcore.storage.files import printable
from gmcore.storage.temporary import cache_folder

__all__ = ["Cached", "cached", "cached_as"]

_USED = ".used"
_KEPT = ("key",)  # the user's key, with which processes that run seal what they write
_NAMES = ("csv", "jax", "mlx")  # of gmcore's own plugins


@attrs.frozen(kw_only=True)
class Cached:
    """One part of the cache folder, such as the rows of CSV files.

    Attributes:
        name: of its folder: `csv`, `jax`, `mlx` or that of another plugin.
        folder: the folder.
    """

    name: str
    folder: Path

    def size(self) -> int:
        """Return the size of all entries in bytes: of all files but the user's key."""
        return sum(_size(path) for path in self.folder.rglob("*") if path.name not in _KEPT)

    def clear(self) -> tuple[int, int]:
        """Remove all that no process uses; return the number of bytes removed and that of bytes in use."""
        before = self.size()
        for entry in _entries(self.folder):
            _remove(entry)
        after = self.size()
        return before - after, after


def cached() -> list[Cached]:
    """Return the parts of the cache folder that have entries, by name.

    Raises:
        OutputError: if this user has no home folder, and XDG_CACHE_HOME is not set.
    """
    return [part for part in _parts() if part.size()]


def cached_as(name: str) -> Cached:
    """Return the part of the cache folder of that name; one of gmcore's own plugins may have nothing yet.

    Raises:
        InputError: if there is no such part.
        OutputError: if this user has no home folder, and XDG_CACHE_HOME is not set.
    """
    known = {*_NAMES, *(part.name for part in _parts())}
    if name not in known:
        raise InputError(f"no cache named '{printable(name)}'{did_you_mean(name, known)}")
    return Cached(name=name, folder=cache_folder() / name)


def _parts() -> list[Cached]:
    folder = cache_folder()
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return [Cached(name=path.name, folder=path) for path in sorted(folder.iterdir()) if path.is_dir()]
    return []


def _entries(folder: Path) -> Iterator[Path]:
    """Yield what can be removed by itself; those of a folder of folders that are in use, one by one."""
    for path in _listed(folder):
        if path.is_dir() and not path.is_symlink() and path.name == "processes":
            yield from _listed(path)
        elif path.name not in _KEPT and path.suffix != _USED:
            yield path


def _remove(entry: Path) -> None:
    mark = entry.with_name(f"{entry.name}{_USED}")
    with contextlib.suppress(OSError), contextlib.ExitStack() as locks:
        for lock in (mark, entry):
            if lock.exists():
                handle = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                locks.callback(os.close, handle)
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
        mark.unlink(missing_ok=True)


def _listed(folder: Path) -> list[Path]:
    """Return what is in a folder; nothing if this user can't read it."""
    with contextlib.suppress(OSError):
        return list(folder.iterdir())
    return []


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return 0 if path.is_dir() else path.lstat().st_size
    return 0
