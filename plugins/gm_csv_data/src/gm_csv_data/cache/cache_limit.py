"""The size limit of a cache: the least recently used entries are removed first, entries in use never."""

import contextlib
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import attrs

from gmcore.errors import OutputError
from gmcore.storage.files import make_folder

__all__ = ["CacheLimit", "default_limit"]

_MOST = 10 * 10**9
_SHARE_OF_DISK = 10
_MARK = ".used"


def default_limit(place: Path) -> int:
    """Return 10 GB or a tenth of the disk, whichever is less."""
    there = next(folder for folder in [place, *place.parents] if folder.exists())
    return min(_MOST, shutil.disk_usage(there).total // _SHARE_OF_DISK)


@attrs.frozen(kw_only=True)
class CacheLimit:
    """A folder with a size limit.

    Its entries are folders. Next to each entry is a mark: a file that the entry's users lock, and whose time of change
    is that of the entry's last use.

    Attributes:
        place: the folder.
        limit: largest size in bytes of all entries together; entries in use may exceed it.
    """

    place: Path
    limit: int

    def use(self, name: str) -> int | None:
        """Return a file handle that protects an entry from removal by any process while it is open.

        The entry need not exist yet. Returns None if no mark can be written; an existing entry can still be read.
        """
        with contextlib.suppress(OSError, OutputError):
            make_folder(self.place)
            while True:
                handle = os.open(self._mark(name), os.O_RDWR | os.O_CREAT, 0o600)
                with contextlib.suppress(OSError):  # the file system has no locks
                    fcntl.flock(handle, fcntl.LOCK_SH)
                if os.fstat(handle).st_nlink:
                    with contextlib.suppress(OSError):
                        os.utime(handle)
                    return handle
                # Another process removed the entry between the open and the lock.
                os.close(handle)
        return None

    def used(self) -> int:
        """Return the size of all entries in bytes."""
        return sum(map(_size, self._entries()))

    def shrink(self) -> tuple[int, int]:
        """Remove the least recently used entries until the others are within the limit.

        Locked entries are kept; on a file system without locks, all entries are. A removed file that a process has
        mapped takes space until that process ends.

        Returns:
            The number of entries removed, and their size in bytes.
        """
        sizes = {entry: _size(entry) for entry in sorted(self._entries(), key=self._last_use)}
        over, count, freed = sum(sizes.values()) - self.limit, 0, 0
        for entry, size in sizes.items():
            if freed >= over:
                break
            if self.remove(entry):
                count, freed = count + 1, freed + size
        for mark in self.place.glob(f"*{_MARK}"):
            if not mark.with_suffix("").exists():
                self.remove(mark.with_suffix(""))
        return count, freed

    def _mark(self, name: str) -> Path:
        return self.place / f"{name}{_MARK}"

    def _entries(self) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            for entry in self.place.iterdir():
                if (entry / "rows.json").exists() and not entry.name.startswith("."):
                    yield entry

    def _last_use(self, entry: Path) -> float:
        for path in (self._mark(entry.name), entry):
            with contextlib.suppress(OSError):
                return path.stat().st_mtime
        return 0.0

    def remove(self, entry: Path) -> bool:
        """Remove an entry and its mark unless it is in use, and return whether it was removed."""
        mark = self._mark(entry.name)
        try:
            handle = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(handle).st_nlink:
                return False  # another process removed it first
            # Renamed first, so that it disappears at once. With the name of a temporary folder, the rest is removed
            # like one if this process is killed.
            removed = entry.with_name(f".{uuid.uuid4().hex}.part")
            with contextlib.suppress(FileNotFoundError):
                entry.rename(removed)
            mark.unlink()
            shutil.rmtree(removed, ignore_errors=True)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True


def _size(entry: Path) -> int:
    total = 0
    with contextlib.suppress(OSError):
        for file in entry.iterdir():
            total += file.stat().st_size
    return total
