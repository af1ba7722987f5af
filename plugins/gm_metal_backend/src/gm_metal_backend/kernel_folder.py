"""The folder where MLX compiles kernels and from which it loads those it finds: one that only this user writes to.

MLX has no setting for it. On the CPU it uses `mlx/VERSION/cpu` and on CUDA `mlx/VERSION/ptx`, in the folder that C++'s
`std::filesystem::temp_directory_path` returns each time: that of the first of the variables TMPDIR, TMP, TEMP and
TEMPDIR that is set, else `/tmp`. There, another user can have made the folder before, with kernels of their own, and
MLX would run them. So one of these variables is set here. If none is, it is TEMPDIR, which only C++ reads; Python and
compilers keep their temporary folder. If one is set to a folder that others can write to, it is changed, for this
process and those that it starts; Python's `tempfile` keeps the folder that it had.
"""

import atexit
import grp
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gmcore.errors import OutputError
from gmcore.storage.temporary import cache_folder

__all__ = ["use_own_folder"]

_READ_BY_CPP = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")
_READ_BY_CPP_ONLY = "TEMPDIR"


def use_own_folder() -> str:
    """Have MLX use a folder that no other user can have written to; return why there is none, or an empty text.

    It is the folder that MLX uses anyway, if only this user can write to it; else `mlx` in gmcore's cache folder; else
    a new temporary folder, removed at exit.
    """
    variable = next((name for name in _READ_BY_CPP if name in os.environ), _READ_BY_CPP_ONLY)
    given = os.environ.get(variable)
    if given and os.path.isabs(given) and _is_own(Path(given)):  # noqa: PTH117 - an empty path is not absolute
        return ""
    # Before the variable is changed, so that `tempfile` goes on with the folder that it has.
    usual = tempfile.gettempdir()
    try:
        folder = _in_cache() or _temporary(usual)
    except OSError as error:
        return f"no folder for compiled kernels can be created ({error})"
    os.environ[variable] = str(folder)
    return ""


def _in_cache() -> Path | None:
    """Return the folder in gmcore's cache; None if it can't be created, or others can write to it or have."""
    try:
        folder = cache_folder() / "mlx"
        for place in (*reversed(folder.parents), folder):
            if not place.is_dir():
                place.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            folder.chmod(0o700)
    except (OutputError, OSError):
        return None
    # A shell reads the path when MLX calls the compiler.
    return folder if _is_own(folder) and not set(str(folder)) & set('"$`\\\n') else None


def _temporary(usual: str) -> Path:
    folder, process = tempfile.mkdtemp(prefix="gmcore-mlx-", dir=usual), os.getpid()

    def remove() -> None:
        if os.getpid() == process:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return Path(folder)


def _is_own(folder: Path) -> bool:
    """Return whether a folder is this user's alone, as is all that MLX would load from it."""
    try:
        real = folder.resolve(strict=True)
        facts = real.stat()
        if facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) & 0o077 or not stat.S_ISDIR(facts.st_mode):
            return False
        return all(map(_is_safe_way, real.parents)) and all(map(_is_safe_content, _contents(real / "mlx")))
    except (OSError, RuntimeError):
        return False


def _is_safe_way(folder: Path) -> bool:
    """Return whether no other user can exchange what is in a folder: they can't write, or it is sticky."""
    facts = folder.stat()
    if facts.st_uid not in (0, os.geteuid()):
        return False
    by_group = facts.st_mode & stat.S_IWGRP and not _is_own_group(facts.st_gid)
    return bool(facts.st_mode & stat.S_ISVTX) or not (by_group or facts.st_mode & stat.S_IWOTH)


def _is_own_group(group: int) -> bool:
    """Return whether a group has this user alone, as on systems that create one for each user."""
    try:
        user = pwd.getpwuid(os.geteuid())
        return group == user.pw_gid and set(grp.getgrgid(group).gr_mem) <= {user.pw_name} and group != 0
    except KeyError:
        return False


def _contents(folder: Path) -> Iterator[os.stat_result]:
    """Yield the facts about a folder, and about the folders and files in it; links are not followed."""
    if not os.path.lexists(folder):
        return
    yield folder.lstat()
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(place, name).lstat()


def _is_safe_content(facts: os.stat_result) -> bool:
    return facts.st_uid == os.geteuid() and (stat.S_ISDIR(facts.st_mode) or stat.S_ISREG(facts.st_mode))
