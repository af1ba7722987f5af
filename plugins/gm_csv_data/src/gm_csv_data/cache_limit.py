"""How much a cache may hold: what was used last stays, what a process uses now always does."""

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
    """Return 10 GB or a tenth of the disk, whichever is less: rows can be made again, and room on a disk can't."""
    there = next(folder for folder in [place, *place.parents] if folder.exists())
    return min(_MOST, shutil.disk_usage(there).total // _SHARE_OF_DISK)


@attrs.frozen(kw_only=True)
class CacheLimit:
    """A folder of entries, folders themselves; beside each a mark, a file that its users lock, as old as its last use.

    Attributes:
        place: the folder.
        limit: how many bytes its entries may have together, but for those in use.
    """

    place: Path
    limit: int

    def use(self, name: str) -> int | None:
        """Return a handle: while it is open, in any process, the entry stays; it need not be there yet.

        None where the place takes no mark: what is there already can be read nevertheless.
        """
        with contextlib.suppress(OSError, OutputError):
            make_folder(self.place)
            while True:
                handle = os.open(self._mark(name), os.O_RDWR | os.O_CREAT, 0o666)
                with contextlib.suppress(OSError):  # a file system without locks has none to respect
                    fcntl.flock(handle, fcntl.LOCK_SH)
                if os.fstat(handle).st_nlink:
                    with contextlib.suppress(OSError):
                        os.utime(handle)
                    return handle
                # Between opening and locking it the entry was removed.
                os.close(handle)
        return None

    def used(self) -> int:
        """Return how many bytes all entries have."""
        return sum(map(_size, self._entries()))

    def shrink(self) -> tuple[int, int]:
        """Remove entries, the ones that were used longest ago first, until the others are within the limit.

        What is locked stays, and so does all on a file system without locks. Files that a process has mapped
        nevertheless are gone only when it ends.

        Returns:
            How many were removed, and the bytes that they had.
        """
        sizes = {entry: _size(entry) for entry in sorted(self._entries(), key=self._last_use)}
        over, count, freed = sum(sizes.values()) - self.limit, 0, 0
        for entry, size in sizes.items():
            if freed >= over:
                break
            if self._remove(entry):
                count, freed = count + 1, freed + size
        for mark in self.place.glob(f"*{_MARK}"):
            if not mark.with_suffix("").exists():
                self._remove(mark.with_suffix(""))
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

    def _remove(self, entry: Path) -> bool:
        """Remove an entry that nobody uses, and its mark; say whether that was done."""
        mark = self._mark(entry.name)
        try:
            handle = os.open(mark, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(handle).st_nlink:
                return False  # another process was quicker
            # Gone at once; a scratch folder's name, so that what a kill leaves of it is removed like one.
            grave = entry.with_name(f".{uuid.uuid4().hex}.part")
            with contextlib.suppress(FileNotFoundError):
                entry.rename(grave)
            mark.unlink()
            shutil.rmtree(grave, ignore_errors=True)
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
