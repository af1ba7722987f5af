"""Hashes of files' content, cached where that is safe."""

import hashlib
import hmac
import json
import time
from contextlib import suppress
from pathlib import Path

from gm_csv_data.files.source import Source
from gmcore.errors import DataError, OutputError
from gmcore.storage import private
from gmcore.storage.files import write_whole

__all__ = ["content_sha256", "refuse_changed", "sizes", "stamps"]

_SETTLED = 2 * 10**9


def content_sha256(source: Source, memory: Path | None = None) -> str:
    """Return the hash of a file's bytes; of several files, the hash of their hashes in order.

    Args:
        source: the files.
        memory: a folder within the private folder of the cache, in which hashes are cached. A cached hash is valid
            while the file has the same inode, size and times of change to the nanosecond. A hash is cached only if
            those times were at least two seconds old when the file was read, because they would not show a change
            within the clock's resolution.

    Raises:
        DataError: if a file changed while it was read.
        OSError: if a file can't be read.
    """
    before = stamps(source)
    found = [_sha256(file.path, memory) for file in source.files]
    refuse_changed(source, before)
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def stamps(source: Source) -> list[list[int]]:
    """Return device, inode, size and times of change of each file, which change when it is written to.

    Raises:
        OSError: if a file can't be found.
    """
    return [_stamp(file.path) for file in source.files]


def refuse_changed(source: Source, before: list[list[int]]) -> None:
    """Raise `DataError` if a file was written to since `stamps` returned `before`."""
    for file, stamp in zip(source.files, before, strict=True):
        if _stamp(file.path) != stamp:
            raise DataError(f"{file.path} changed while it was being read; try again when no program is writing to it")


def sizes(source: Source) -> int:
    """Return the size of all files on disk in bytes; a file that can't be found counts as 0."""
    total = 0
    for file in source.files:
        with suppress(OSError):
            total += file.path.stat().st_size
    return total


def _sha256(path: Path, memory: Path | None) -> str:
    note = memory and memory / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()}.json"
    stamp = _stamp(path)
    key = memory and _key(memory)
    if note and key:
        with suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(note.read_text())
            sealed = hmac.compare_digest(known["seal"], _seal(key, note.name, stamp, known["sha256"]))
            if known["stamp"] == stamp and sealed:
                return str(known["sha256"])
    begun = time.time_ns()
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if note and key and begun - max(stamp[-2:]) > _SETTLED:
        facts = {"stamp": stamp, "sha256": found, "seal": _seal(key, note.name, stamp, found)}
        with suppress(OutputError):
            write_whole(note, json.dumps(facts).encode(), mode=0o600)
    return found


def _key(memory: Path) -> bytes | None:
    with suppress(OutputError):
        return private.user_key(memory.parent)
    return None


def _seal(key: bytes, name: str, stamp: list[int], sha256: str) -> str:
    return private.seal(key, json.dumps([name, stamp, sha256]).encode())


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
