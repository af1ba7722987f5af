"""The command line in this process, watched: its exit status, its messages and every file that it opens for writing."""

import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
from click.testing import CliRunner

from gmcore.cli.root import gmcore

__all__ = ["Called", "called", "import_once", "problem_of"]

_LONGEST = 1200
_PYTHON = re.compile(
    r"Traceback|NoneType|has no attribute|object is not|' object|unhashable|<class |<function|Error\(|not iterable|"
    r"not subscriptable|not supported between|invalid literal|unexpected keyword|positional argument|indices must be|"
    r"to unpack|broadcast|operands|recursion depth|argument must be|expected str, bytes|cannot convert|Warning:|"
    r"dictionary update|must be real number|an integer is required| at 0x|codec can't"
)
_WRITES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
# Kernels that MLX compiles are kept there, and take seconds each, so all cases and sessions share them.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_MODULES = (
    "polars",
    "gm_csv_data.provider",
    "gm_kfold_cv.kfold",
    "gm_metal_backend.backend",
    "gm_mlp_model.provider",
    "gmcore.app",
)
_watched: list[str] | None = None


@attrs.frozen(kw_only=True)
class Called:
    """What a command did.

    Attributes:
        status: its exit status.
        stdout: what it printed.
        stderr: its messages.
        written: paths of the files that it made, changed or removed, except in the folders it may use.
    """

    status: int
    stdout: str
    stderr: str
    written: tuple[str, ...]


def called(place: Path, *arguments: object, may_write: Iterable[Path] = ()) -> Called:
    """Run a command in the folder `place`, which is also its home; its temporary files are in `tmp` in there.

    Args:
        place: the current folder.
        arguments: of the command line.
        may_write: folders and files in which it may write.
    """
    allowed = [str(path) for path in (*may_write, _CACHE / "gmcore")]
    home = {"HOME": str(place), "XDG_CACHE_HOME": str(_CACHE)}
    (place / "tmp").mkdir(exist_ok=True)
    tempfile.tempdir = str(place / "tmp")
    before = _listing(place)
    with contextlib.chdir(place), _watching() as paths:
        # Warnings are errors, so an exception besides the exit is a traceback or a warning that a user would see.
        done = CliRunner(env=home).invoke(gmcore, [str(argument) for argument in arguments])
    shown = (
        done.stderr
        if done.exception is None or isinstance(done.exception, SystemExit)
        else (f"{done.stderr}Traceback: {done.exception!r}")
    )
    # Temporary files are written, and must be gone afterwards.
    opened = {path for path in paths if not _is_within(path, [tempfile.tempdir])}
    written = {os.path.join(place, path) for path in opened | (_listing(place) ^ before)}  # noqa: PTH118 - not resolved
    outside = sorted(path for path in written if not _is_within(path, allowed))
    return Called(status=done.exit_code, stdout=done.stdout, stderr=shown, written=tuple(outside))


def problem_of(call: Called, *, statuses: Iterable[int] = (0, 2)) -> str:
    """Return what is wrong with a command's manners: its status, its messages, what it wrote; empty if nothing is."""
    return next(_problems(call, set(statuses)), "")


def _problems(call: Called, statuses: set[int]) -> Iterator[str]:
    shown = call.stderr[-_LONGEST:]
    if call.status not in statuses:
        yield f"exit status {call.status}: {shown}"
    if found := _PYTHON.search(call.stderr):
        yield f"its message is Python's own ({found[0]}): {shown}"
    if call.status and not call.stderr.strip():
        yield "it failed without a message"
    lines = call.stderr.splitlines()
    if call.status == 2 and sum(line.startswith("Error: ") for line in lines) != 1:
        yield f"it has not one message: {shown}"
    if (longest := max(map(len, lines), default=0)) > _LONGEST:
        yield f"its message has a line of {longest} characters: {call.stderr[:200]}"
    if any(not (letter.isprintable() or letter in "\n\t") for letter in call.stderr):
        yield f"its message has control characters: {shown!r}"
    if call.status == 2 and call.stdout.strip():
        yield f"it failed, but it printed {call.stdout[:200]!r}"
    if call.written:
        yield f"it wrote {', '.join(call.written[:5])}"


def import_once() -> None:
    """Import, before any fork, what takes long and starts no threads."""
    for module in _MODULES:
        importlib.import_module(module)


@contextlib.contextmanager
def _watching() -> Iterator[list[str]]:
    """Yield the list of paths that this process opens for writing, makes or removes while the block runs."""
    global _watched  # noqa: PLW0603 - an audit hook can't be removed
    if _watched is None:
        sys.addaudithook(_audit)
    _watched = paths = []
    try:
        yield paths
    finally:
        _watched = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watched is None:
        return
    writes = event in _WRITES and arguments[-1] in (-1, None)  # else relative to an open folder, as of a temporary one
    if event == "open" and isinstance(arguments[2], int):
        writes = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    if writes and isinstance(arguments[0], str | bytes | os.PathLike):
        _watched.append(os.fsdecode(arguments[0]))


def _is_within(path: str, folders: list[str]) -> bool:
    return path == os.devnull or any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _listing(place: Path) -> set[str]:
    return {os.path.join(folder, name) for folder, folders, files in os.walk(place) for name in [*folders, *files]}  # noqa: PTH118
