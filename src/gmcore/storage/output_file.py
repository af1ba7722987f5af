"""Writing to a path that the user named: a file, a link to one, a device or a FIFO."""

import contextlib
import fcntl
import os
import re
import stat
import uuid
from pathlib import Path

from gmcore.storage.files import Content, as_output_error, flush, flush_folder, removed_on_failure, write_all

__all__ = ["write_output"]

_OWN_HANDLE = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}


def write_output(path: Path, content: Content) -> None:
    """Write content where the user asked for it.

    A regular file is replaced atomically and durably, and keeps its mode; one that has other names or another owner is
    written in place. A link stays a link, and the file that it points to is written. A device or FIFO is written as a
    stream. No other file is touched.

    Raises:
        OutputError: if it can't be written; a file that is replaced keeps its old content.
    """
    with as_output_error(f"cannot write {path}"):
        present = _present(path)
        if (present is not None and not stat.S_ISREG(present.st_mode)) or _own_handle(path) is not None:
            _write_open(_open_stream(path), content)
        elif present is not None and _must_stay(present):
            _write_open(os.open(path, os.O_WRONLY | os.O_TRUNC), content)
        else:
            _replace(Path(os.path.realpath(path)), content, present)


def _present(path: Path) -> os.stat_result | None:
    """Return the facts about the file at a path, behind any links; None if there is no file."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _must_stay(present: os.stat_result) -> bool:
    """Return whether a new file in its place would differ: it has other names, or another owner."""
    return present.st_nlink > 1 or (present.st_uid, present.st_gid) != (os.geteuid(), os.getegid())


def _own_handle(path: Path) -> int | None:
    """Return the open file of this process that a path names, such as `/dev/stdout`."""
    text = str(path)
    found = _OWN_HANDLE.fullmatch(text)
    return int(found[1]) if found else _STREAMS.get(text)


def _open_stream(path: Path) -> int:
    own = _own_handle(path)
    # Opening `/dev/stdout` again would write from the start of the file that it is redirected to.
    return os.dup(own) if own is not None else os.open(path, os.O_WRONLY)


def _write_open(handle: int, content: Content) -> None:
    try:
        write_all(handle, content)
    finally:
        os.close(handle)


def _replace(path: Path, content: Content, present: os.stat_result | None) -> None:
    if present is not None and not os.access(path, os.W_OK):
        raise PermissionError(None, "Permission denied")
    # A short name, since the file's own may have the greatest length; a new one, since others may write to the folder.
    partial = path.with_name(f".gmcore-{uuid.uuid4().hex}.part")
    mode = 0o666 if present is None else stat.S_IMODE(present.st_mode)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        # In a run folder, `write_whole` removes partial files that are not locked.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        with removed_on_failure(partial):
            if present is not None:
                os.fchmod(handle, mode)
            write_all(handle, content)
            flush(handle)
            partial.replace(path)
    finally:
        os.close(handle)
    flush_folder(path.parent)
