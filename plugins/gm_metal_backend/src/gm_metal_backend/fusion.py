"""Compilation without fusion: MLX's graph of a program, whose operations run one by one.

On the CPU, MLX fuses elementwise operations into kernels that `g++` compiles, half a second of a core each. For a run
of a few hundred steps that takes longer than it saves. MLX's mode `no_fuse` keeps the rest of its compilation, the
tracing and the simplification, but Python has no name for it.
"""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

__all__ = ["can_compile_unfused", "without_fusion"]

_SET_MODE = "_ZN3mlx4core16set_compile_modeENS0_11CompileModeE"
_NO_FUSE, _ENABLED = 2, 3  # of mlx::core::CompileMode


@functools.cache
def _library(mx: ModuleType) -> ctypes.CDLL | None:
    """Return MLX's library, which is loaded already; None if it has no such mode."""
    found = Path(str(mx.__file__)).parent / "lib" / "libmlx.so"
    try:
        library = ctypes.CDLL(str(found))
        getattr(library, _SET_MODE).restype = None
    except (OSError, AttributeError):
        return None
    return library


def can_compile_unfused(mx: ModuleType) -> bool:
    """Return whether `without_fusion` has an effect; if not, programs must not be compiled at all."""
    return _library(mx) is not None


@contextmanager
def without_fusion(mx: ModuleType) -> Iterator[None]:
    """Have MLX fuse nothing in programs that are traced in this context."""
    library = _library(mx)
    if library is None:
        yield
        return
    set_mode = getattr(library, _SET_MODE)
    set_mode(_NO_FUSE)
    try:
        yield
    finally:
        set_mode(_ENABLED)
