"""The folder where MLX compiles kernels and from which it loads those it finds: one of this process alone.

MLX has no setting for it. On the CPU it uses `mlx/VERSION/cpu` and on CUDA `mlx/VERSION/ptx`, in the folder that C++'s
`std::filesystem::temp_directory_path` returns each time: that of the first of the variables TMPDIR, TMP, TEMP and
TEMPDIR that is set, else `/tmp`. There, another user can have made the folder before, with kernels of their own, and
MLX would run them; and a kernel that another process has written in part, it would fail to load. So one of these
variables is set here, to a new folder that is removed at exit. If none is set, it is TEMPDIR, which only C++ reads:
Python and compilers keep their temporary folder. If one is set, it is changed, for this process and those that it
starts; Python's `tempfile` keeps the folder that it had.

Kernels are kept between processes in a sealed folder: those in it are copied to the new folder, and what is new there
at exit is added to it.
"""

import atexit
import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
from pathlib import Path

from gmcore.errors import OutputError
from gmcore.storage.private import is_safe_way, private_folder
from gmcore.storage.sealed_folder import SealedFolder, programs_are_kept
from gmcore.storage.temporary import cache_folder, temporary_folder

__all__ = ["use_own_folder"]

_READ_BY_CPP = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")
_READ_BY_CPP_ONLY = "TEMPDIR"
_LIMIT = 64 * 10**6  # bytes; all of it is read when MLX is loaded
_ELF = b"\x7fELF"


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
        _copy_from(kept, folder)
        closing.callback(_add_to, kept, folder, known=set(_kernels(folder)))
    process = os.getpid()
    atexit.register(lambda: closing.close() if os.getpid() == process else None)
    return ""


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


def _copy_from(kept: SealedFolder, folder: Path) -> None:
    """Copy the kernels that were compiled for this machine."""
    machine = f"{_machine()}/"
    for name, content in kept.entries():
        if name.startswith(machine):
            path = folder / name.removeprefix(machine)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _add_to(kept: SealedFolder, folder: Path, known: set[Path]) -> None:
    for path in set(_kernels(folder)) - known:
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            if _is_whole(content):
                kept.put(f"{_machine()}/{path.relative_to(folder)}", content)


def _kernels(folder: Path) -> list[Path]:
    return [path for path in (folder / "mlx").rglob("*") if path.is_file() and path.suffix != ".cpp"]


def _is_whole(kernel: bytes) -> bool:
    """Return whether a shared library ends where its header says; a compiler that was stopped leaves less."""
    if not kernel.startswith(_ELF):
        return bool(kernel)
    sections, size, count = (
        int.from_bytes(kernel[at : at + width], "little") for at, width in ((40, 8), (58, 2), (60, 2))
    )
    return len(kernel) >= sections + size * count


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
