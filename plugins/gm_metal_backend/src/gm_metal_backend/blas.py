"""The BLAS under MLX on a Linux CPU: loaded before MLX is, because MLX's own is the slow reference one."""

import ctypes
import os
import site
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["preload"]

_ADVICE = "30 times faster: pip install mkl (x86-64), or apt install libopenblas0"
_SYMBOLS = ("cblas_sgemm", "cblas_dgemm")


def preload() -> str:
    """Make an optimised BLAS's names global, so that MLX binds to them, and return what was loaded.

    It works only before `mlx.core` is imported, and only on Linux: macOS has Accelerate.
    """
    if sys.platform != "linux":
        return "Accelerate" if sys.platform == "darwin" else "MLX's own"
    if "mlx.core" in sys.modules:
        return "unknown: mlx was imported before gmcore's backend, so its BLAS was not chosen"
    # The same bits whatever the alignment and the number of threads: a member of a fleet starts anywhere.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    return next(filter(None, map(_load, _candidates())), f"MLX's own, the reference BLAS ({_ADVICE})")


def _candidates() -> Iterator[str]:
    """Yield where an optimised BLAS may be: the `mkl` wheel's, then the system's."""
    for prefix in (sys.prefix, site.getuserbase()):
        yield from map(str, sorted(Path(prefix, "lib").glob("libmkl_rt.so*")))
    yield from ("libmkl_rt.so", "libmkl_rt.so.3", "libmkl_rt.so.2", "libopenblas.so.0")


def _load(path: str) -> str:
    """Load what is there and return what it is, or nothing."""
    try:
        library = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    except OSError:
        return ""
    return f"{_version(library)} ({path})" if all(hasattr(library, name) for name in _SYMBOLS) else ""


def _version(library: ctypes.CDLL) -> str:
    text = ctypes.create_string_buffer(256)
    if hasattr(library, "MKL_Get_Version_String"):
        library.MKL_Get_Version_String(text, len(text))
    elif hasattr(library, "openblas_get_config"):
        library.openblas_get_config.restype = ctypes.c_char_p
        text.value = library.openblas_get_config()
    return text.value.decode().strip() or "unknown version"
