"""Files that belong to this user alone, and seals that only this user can write.

A cache is read with full trust: its arrays become training data, and its programs run. So its folder, and every file
in it, must belong to the user and be closed to others. Against files that someone could write before the folder was
closed, a seal is a keyed hash; the key is in the folder, readable by its owner alone.
"""

import contextlib
import grp
import hmac
import os
import pwd
import secrets
import stat
import uuid
from pathlib import Path

from gmcore.errors import OutputError

__all__ = ["close_to_others", "is_own", "is_safe_way", "private_folder", "seal", "user_key"]

_KEY = "key"
_KEY_BYTES = 32
_FOLDER, _FILE, _OTHERS = 0o700, 0o600, 0o077


def private_folder(parent: Path, name: str) -> Path:
    """Return a folder in `parent` that is this user's and closed to others; it is created if absent.

    It is `name`, or `name` with the number of the user if that folder is another user's.

    Raises:
        OutputError: if there can't be such a folder.
    """
    reason = ""
    for folder in (parent / name, parent / f"{name}-{os.geteuid()}"):
        try:
            _make_closed(parent)
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=_FOLDER)
            if is_own(folder):
                _close(folder, _FOLDER)
                return folder
            reason = reason or f"{folder} belongs to another user"
        except OSError as error:
            reason = reason or str(error.strerror or error)
    raise OutputError(f"cannot write to {parent / name}: {reason}")


def is_own(path: Path) -> bool:
    """Return whether a file or folder belongs to this user, as does the link to it if it is one."""
    return {os.lstat(path).st_uid, path.stat().st_uid} == {os.geteuid()}


def is_safe_way(folder: Path) -> bool:
    """Return whether no other user can exchange what is in a folder: they can't write to it, or it is sticky."""
    facts = folder.stat()
    if facts.st_uid not in (0, os.geteuid()):
        return False
    by_group = facts.st_mode & stat.S_IWGRP and not _is_own_group(facts.st_gid)
    return bool(facts.st_mode & stat.S_ISVTX) or not (by_group or facts.st_mode & stat.S_IWOTH)


def close_to_others(folder: Path) -> None:
    """Take the permissions of group and others from all files and folders within a folder, and from the folder.

    Raises:
        OSError: if that is impossible.
    """
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            _close(path, _FOLDER if path.is_dir() else _FILE)


def user_key(folder: Path) -> bytes:
    """Return the secret key of a private folder, which is created if absent, damaged or open to others.

    Raises:
        OutputError: if it can't be written.
    """
    path = folder / _KEY
    with contextlib.suppress(OSError):
        return _read_key(path)
    new = folder / f".{uuid.uuid4().hex}.key"
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE)
        try:
            try:
                os.write(handle, secrets.token_bytes(_KEY_BYTES))
            finally:
                os.close(handle)
            with contextlib.suppress(FileExistsError):
                os.link(new, path)  # unlike a rename, never replaces the key that another process has just made
                return _read_key(path)
            with contextlib.suppress(OSError):
                return _read_key(path)
            new.replace(path)
            return _read_key(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                new.unlink()
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def seal(key: bytes, content: bytes) -> str:
    """Return the keyed hash of a content: HMAC-SHA256, in hexadecimal."""
    return hmac.new(key, content, "sha256").hexdigest()


def _make_closed(folder: Path) -> None:
    """Create a folder and its parents if absent, closed to others whatever the umask."""
    if not folder.is_dir():
        _make_closed(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=_FOLDER)


def _is_own_group(group: int) -> bool:
    """Return whether a group has this user alone, as on systems that create one for each user."""
    try:
        user = pwd.getpwuid(os.geteuid())
        others = {one.pw_name for one in pwd.getpwall() if one.pw_gid == group} - {user.pw_name}
        return group == user.pw_gid and set(grp.getgrgid(group).gr_mem) <= {user.pw_name} and group != 0 and not others
    except KeyError:
        return False


def _read_key(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        about = os.fstat(handle)
        key = os.read(handle, _KEY_BYTES + 1)
    finally:
        os.close(handle)
    if about.st_uid != os.geteuid() or about.st_mode & _OTHERS or len(key) != _KEY_BYTES:
        raise PermissionError(f"{path} is not a key of this user alone")
    return key


def _close(path: Path, mode: int) -> None:
    if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
        path.chmod(mode)
    if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
        raise PermissionError(f"{path} stays open to other users on this file system")
