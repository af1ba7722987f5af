"""The BLAS under MLX on a Linux CPU: loaded before MLX is, because MLX's own is the slow reference one."""

import ctypes
import sys
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path

__all__ = ["ADVICE", "preload"]

ADVICE = "for a faster one: pip install mkl (x86-64), or apt install libopenblas0"
_SYMBOLS = ("cblas_sgemm", "cblas_dgemm")


def preload() -> str:
    """Make an optimised BLAS's names global, so that MLX binds to them, and return what was loaded.

    It works only before `mlx.core` is imported, and only Linux needs it: macOS has Accelerate.
    """
    if sys.platform != "linux":
        return "Accelerate"
    if "mlx.core" in sys.modules:
        return f"MLX's own (mlx was imported before gmcore's backend; {ADVICE})"
    for path in _candidates():
        try:
            library = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
            if all(hasattr(library, name) for name in _SYMBOLS):
                return path
        except OSError:
            continue
    return f"MLX's own reference BLAS ({ADVICE})"


def _candidates() -> Iterator[str]:
    """Yield where an optimised BLAS may be: the `mkl` wheel's, then the system's."""
    for found in sorted(Path(sys.prefix, "lib").glob("libmkl_rt.so*")):
        yield str(found)
    for name in ("mkl_rt", "openblas"):
        if found := find_library(name):
            yield found
