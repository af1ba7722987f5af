"""The folder where MLX compiles kernels and from which it loads those it finds: one of this process alone.

MLX has no setting for it. On the CPU it uses `mlx/VERSION/cpu` and on CUDA `mlx/VERSION/ptx`, in the folder that C++'s
`std::filesystem::temp_directory_path` returns each time: that of the first of the variables TMPDIR, TMP, TEMP and
TEMPDIR that is set, else `/tmp`. There, another user can have made the folder before, with kernels of their own, and
MLX would run them; and a kernel that another process has written in part, it would fail to load. So one of these
variables is set here, to a new folder that is removed at exit. If none is set, it is TEMPDIR, which only C++ reads:
Python and compilers keep their temporary folder. If one is set, it is changed, for this process and those that it
starts; Python's `tempfile` keeps the folder that it had.

Kernels are kept between processes in a sealed folder: those in it are put in the new folder as well, and what MLX
compiles there is added to it, every now and then and at exit.
"""

import atexit
import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import time
import uuid
from pathlib import Path

import attrs

from gmcore.errors import OutputError
from gmcore.storage.private import is_safe_way, private_folder
from gmcore.storage.sealed_folder import Entry, SealedFolder, programs_are_kept
from gmcore.storage.temporary import cache_folder, temporary_folder

__all__ = ["exchange_kernels", "use_own_folder"]

_READ_BY_CPP = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")
_READ_BY_CPP_ONLY = "TEMPDIR"
_LIMIT = 64 * 10**6  # bytes; all of it is read when MLX is loaded
_ELF = b"\x7fELF"
_INTERVAL = 1.0  # seconds
_SETTLED = 1.0  # seconds after which no compiler is still writing a file
_CLOCK = 2.0  # seconds by which the times of files may be behind


def use_own_folder() -> str:
    """Have MLX use a folder that no other user can have written to; return why there is none, or an empty text."""
    variable = next((name for name in _READ_BY_CPP if name in os.environ), _READ_BY_CPP_ONLY)
    # Before the variable is changed, so that `tempfile` goes on with the folder that it has.
    usual = tempfile.gettempdir()
    closing = contextlib.ExitStack()
    try:
        folder = _in_cache(closing) or Path(closing.enter_context(_temporary(usual)))
        if not all(map(is_safe_way, folder.resolve().parents)):
            return f"other users can exchange the folder for compiled kernels, {folder}"
    except OSError as error:
        return f"no folder for compiled kernels can be created ({error})"
    os.environ[variable] = str(folder)
    kept = SealedFolder.in_cache("mlx", limit=_LIMIT) if programs_are_kept() else None
    if kept is not None:
        exchange = _Exchange(folder=folder, kept=kept)
        exchange.take()
        closing.callback(exchange.give, settled=0.0)
        _exchanges.append(exchange)
    process = os.getpid()
    atexit.register(lambda: closing.close() if os.getpid() == process else None)
    return ""


def exchange_kernels() -> None:
    """Cache the kernels that MLX has compiled, and use those that other processes have cached."""
    for exchange in _exchanges:
        exchange.now_and_then()


@attrs.define(kw_only=True, eq=False)
class _Exchange:
    """The exchange of kernels between this process's folder and those that are kept.

    Attributes:
        folder: of this process.
        kept: the sealed folder.
        machine: what the names of kernels for this machine begin with.
        process: the process that MLX compiles in; not one that is forked from it.
        known: the kernels that are in both folders.
        last: when kernels were exchanged, by `time.monotonic`.
        seen: kernels kept before this time are known, by `time.time`.
    """

    folder: Path
    kept: SealedFolder
    machine: str = attrs.field(init=False, factory=lambda: f"{_machine()}/")
    process: int = attrs.field(init=False, factory=os.getpid)
    known: set[Path] = attrs.field(init=False, factory=set)
    last: float = attrs.field(init=False, factory=time.monotonic)
    seen: float = attrs.field(init=False, default=0.0)

    def now_and_then(self) -> None:
        if time.monotonic() - self.last > _INTERVAL and os.getpid() == self.process:
            self.last = time.monotonic()
            self.give(settled=_SETTLED)
            self.take()

    def take(self) -> None:
        """Use the kernels that are kept for this machine and are not here, each as a whole."""
        since, self.seen = self.seen, time.time() - _CLOCK
        for entry in self.kept.entries(since):
            path = self.folder / entry.name.removeprefix(self.machine)
            if entry.name.startswith(self.machine) and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._put(entry, path)
            self.known.add(path)

    def _put(self, entry: Entry, path: Path) -> None:
        """Link to the file of a kernel, or copy its content if that is not possible.

        Creating a file takes up to a millisecond where many were removed before, a link a fiftieth of it; and there may
        be thousands. Only a shared library may have something at its end.
        """
        if entry.content.startswith(_ELF):
            with contextlib.suppress(OSError):
                os.link(entry.path, path)
                return
        whole = self.folder / uuid.uuid4().hex
        whole.write_bytes(entry.content)
        whole.replace(path)

    def give(self, *, settled: float) -> None:
        """Keep the kernels that are new here, and that were written at least `settled` seconds ago."""
        for path in set(_kernels(self.folder)) - self.known:
            with contextlib.suppress(OSError):
                content = path.read_bytes()
                if time.time() - path.stat().st_mtime >= settled and _is_whole(content):
                    self.kept.put(f"{self.machine}{path.relative_to(self.folder)}", content)
                    self.known.add(path)


_exchanges: list[_Exchange] = []


def _in_cache(closing: contextlib.ExitStack) -> Path | None:
    """Return a new folder in gmcore's cache; None if there is none that MLX can use, or others can exchange it."""
    try:
        parent = private_folder(private_folder(cache_folder(), "mlx"), "processes")
        # A shell reads the path when MLX calls the compiler.
        if set(str(parent)) & set('"$`\\\n') or not all(map(is_safe_way, parent.resolve().parents)):
            return None
        folder = closing.enter_context(temporary_folder(parent))
        folder.chmod(0o700)
    except (OutputError, OSError):
        return None
    return folder


def _temporary(parent: str) -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="gmcore-mlx-", dir=parent, ignore_cleanup_errors=True)


def _kernels(folder: Path) -> list[Path]:
    return [path for path in (folder / "mlx").rglob("*") if path.is_file() and path.suffix != ".cpp"]


def _is_whole(kernel: bytes) -> bool:
    """Return whether a shared library ends where its header says; a compiler that was stopped leaves less."""
    if not kernel.startswith(_ELF):
        return bool(kernel)
    sections, size, count = (
        int.from_bytes(kernel[at : at + width], "little") for at, width in ((40, 8), (58, 2), (60, 2))
    )
    return bool(sections) and len(kernel) >= sections + size * count


def _machine() -> str:
    """Return a hash of what kernels depend on besides their name, which has MLX's version: compiler and GPU."""
    facts = [platform.machine()]
    with contextlib.suppress(OSError):
        compiler = Path(shutil.which("g++") or "").resolve(strict=True)
        facts += [str(compiler), str(compiler.stat().st_mtime_ns), str(compiler.stat().st_size)]
    for path in sorted(Path("/proc/driver/nvidia").glob("gpus/*/information")):
        with contextlib.suppress(OSError):
            facts += [line for line in path.read_text().splitlines() if line.startswith("Model")]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
