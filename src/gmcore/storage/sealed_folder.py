"""A cache of small files that only this user can have written: a private folder of bounded size."""

import contextlib
import hashlib
import hmac
import logging
import os
import stat
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import attrs

from gmcore.errors import InputError, OutputError
from gmcore.storage.private import is_safe_way, private_folder, seal, user_key
from gmcore.storage.temporary import cache_folder

__all__ = ["Entry", "SealedFolder", "programs_are_kept"]

_SETTING = "GMCORE_KEEP_PROGRAMS"

_SUFFIX = ".sealed"
_UNFINISHED = ".part"
_LONGEST_WRITE = 60.0  # seconds
_SEAL = 64  # hexadecimal digits
_LENGTH = 4  # bytes of the length of a name

_log = logging.getLogger("gmcore.cache")


def programs_are_kept() -> bool:
    """Return whether compiled programs are kept between processes: yes, unless GMCORE_KEEP_PROGRAMS is `no`.

    Raises:
        InputError: if it is neither `yes` nor `no`, in any case, nor empty.
    """
    value = os.environ.get(_SETTING) or "yes"
    if value.lower() not in ("yes", "no"):
        raise InputError(f"the environment variable {_SETTING} must be 'yes' or 'no', got {value!r:.60}")
    return value.lower() == "yes"


class Entry(NamedTuple):
    """An entry of a sealed folder.

    Attributes:
        name: its name.
        content: its content.
        path: its file, which begins with the content.
    """

    name: str
    content: bytes
    path: Path


@attrs.define(kw_only=True, eq=False)
class SealedFolder:
    """Entries by name, in one folder; each has a keyed hash of its name and its content.

    A file has the content first, then the name and the hash. So it can be used in place of a file with the content
    alone by what ignores the rest, such as the loader of shared libraries.

    It never raises: an entry that is absent, damaged or not this user's is not found, and one that can't be written is
    not kept; the log says so once. Processes may read and write at the same time: an entry appears as a whole.

    Attributes:
        folder: the folder.
        limit: largest size of all entries in bytes; the least recently read ones are removed.
    """

    folder: Path
    limit: int
    _key: bytes = attrs.field(repr=False)
    _size: int | None = attrs.field(init=False, default=None, repr=False)
    _complained: bool = attrs.field(init=False, default=False, repr=False)

    @classmethod
    def in_cache(cls, name: str, *, limit: int) -> "SealedFolder | None":
        """Return the folder `name` in gmcore's cache folder, created if absent; None, and a log line, if that fails."""
        try:
            folder = private_folder(cache_folder(), name)
            unsafe = next((str(parent) for parent in folder.resolve().parents if not is_safe_way(parent)), None)
            if unsafe is None:
                return cls(folder=folder, limit=limit, key=user_key(folder))
            problem = f"other users can write to {unsafe}"
        except (OutputError, OSError) as error:
            problem = str(error)
        _log.warning("compiled programs are not kept: %s", problem)
        return None

    def get(self, name: str) -> bytes | None:
        """Return the content of an entry; None if there is none that this user has sealed."""
        path = self._path(name)
        found = self._read(path)
        if found is None or found.name != name:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return found.content

    def put(self, name: str, content: bytes) -> None:
        """Write an entry, and remove the least recently read ones if the folder has become too large."""
        encoded = name.encode()
        sealed = content + encoded + len(encoded).to_bytes(_LENGTH, "little")
        temporary = self.folder / f".{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(sealed + seal(self._key, sealed).encode())
            # Not flushed to the drive: what a power cut leaves behind has no valid seal.
            temporary.replace(self._path(name))
            self._make_room(_SEAL + len(sealed))
        except FileNotFoundError:
            if not self.folder.is_dir():
                self._complain(f"compiled programs are not kept: {self.folder} is gone")
            # Else another process has just cleared the cache.
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            self._complain(f"compiled programs are not kept: cannot write to {self.folder}: {error.strerror or error}")

    def entries(self, since: float = 0.0) -> Iterator[Entry]:
        """Yield each entry, in no particular order.

        Args:
            since: only those written or read at this time or later, in seconds as of `time.time`.
        """
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"*{_SUFFIX}"):
                found = self._read(path) if path.stat().st_mtime >= since else None
                if found is not None and self._path(found.name) == path:
                    yield found

    def _path(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:40]}{_SUFFIX}"

    def _read(self, path: Path) -> Entry | None:
        try:
            facts = path.lstat()
            own = stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid()
            whole = path.read_bytes() if own else b""
        except FileNotFoundError:
            return None
        except OSError as error:
            self._complain(f"cannot read {path}: {error.strerror or error}")
            return None
        sealed = whole[:-_SEAL]
        if not hmac.compare_digest(whole[-_SEAL:], seal(self._key, sealed).encode()):
            self._complain(f"{path} is damaged or was not written by this user: it is compiled again")
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        named, length = sealed[:-_LENGTH], int.from_bytes(sealed[-_LENGTH:], "little")
        end = len(named) - length
        return Entry(name=named[end:].decode(), content=named[:end], path=path)

    def _make_room(self, added: int) -> None:
        """Count what was added, and remove the least recently read entries if that is too much.

        What other processes have added is counted at the first entry, and whenever the limit seems to be reached.
        """
        self._size = None if self._size is None else self._size + added
        if self._size is not None and self._size <= self.limit:
            return
        self._remove_abandoned()
        facts = sorted(_facts(self.folder.glob(f"*{_SUFFIX}")))
        self._size = sum(size for _, size, _ in facts)
        for _, size, path in facts:
            if self._size <= self.limit:
                return
            path.unlink(missing_ok=True)
            self._size -= size

    def _remove_abandoned(self) -> None:
        """Remove what killed processes have left: a write takes no minute."""
        for mtime, _, path in _facts(self.folder.glob(f".*{_UNFINISHED}")):
            if time.time() - mtime > _LONGEST_WRITE:
                path.unlink(missing_ok=True)

    def _complain(self, problem: str) -> None:
        """Log a problem, unless one was logged before: the others are like it."""
        if not self._complained:
            _log.warning("%s", problem)
        self._complained = True


def _facts(paths: Iterable[Path]) -> Iterator[tuple[float, int, Path]]:
    """Yield the time of change, the size and the path of files, but of those that another process has just removed."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            yield found.st_mtime, found.st_size, path
