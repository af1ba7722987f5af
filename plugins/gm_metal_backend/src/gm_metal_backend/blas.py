"""The BLAS that MLX uses on a Linux CPU: loaded before MLX, whose default is the slow reference BLAS."""

import ctypes
import os
import site
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

__all__ = ["BLAS", "preload"]

_ADVICE = "30 times faster: pip install mkl (x86-64), or apt install libopenblas0"
_SYMBOLS = ("cblas_sgemm", "cblas_dgemm")
_THREADS = (("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"), ("openblas_get_num_threads", "openblas_set_num_threads"))
_LARGE = 2_000_000  # multiplications


@attrs.define(eq=False)
class BLAS:
    """The library that multiplies matrices, and its number of threads.

    BLAS threads spin while they wait for the next product, on cores that MLX's own threads need: if the products are
    small, a step with several BLAS threads takes up to twice as long as with one. The last bits of a result depend on
    their number.

    Attributes:
        name: name and version for provenance.
        max_threads: largest number of threads.
        set_threads: sets the number of threads for the whole process.
    """

    name: str
    max_threads: int = 1
    set_threads: Callable[[int], object] = lambda _: None
    _threads: int = attrs.field(init=False, default=0)

    def suit(self, multiplications: int, wait: Callable[[], object]) -> None:
        """Set the number of threads that suits a program.

        Args:
            multiplications: number of multiplications in the program's largest matrix product; 0 changes nothing.
            wait: waits for the programs enqueued before; called only if the number of threads changes.
        """
        threads = self.max_threads if multiplications >= _LARGE else 1
        if multiplications and threads != self._threads:
            wait()
            self.set_threads(threads)
            self._threads = threads


def preload() -> BLAS:
    """Load an optimized BLAS with global symbols, so that MLX binds to it, and return it.

    This works only before `mlx.core` is imported, and only on Linux: on macOS MLX uses Accelerate.
    """
    if sys.platform != "linux":
        return BLAS("Accelerate" if sys.platform == "darwin" else "MLX's own")
    if "mlx.core" in sys.modules:
        return BLAS("unknown: mlx was imported before gmcore's backend, so no BLAS was chosen")
    # The same bits for any memory alignment: a fleet's members start at arbitrary addresses.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    # Milliseconds that MKL's threads spin after a product; the default is 200.
    os.environ.setdefault("KMP_BLOCKTIME", "1")
    found = filter(None, map(_load, _candidates()))
    return next(found, BLAS(f"MLX's own, the reference BLAS ({_ADVICE})"))


def _candidates() -> Iterator[str]:
    """Yield the possible paths of an optimized BLAS: the `mkl` wheel's, then the system's."""
    for prefix in (sys.prefix, site.getuserbase()):
        yield from map(str, sorted(Path(prefix, "lib").glob("libmkl_rt.so*")))
    yield from ("libmkl_rt.so", "libmkl_rt.so.3", "libmkl_rt.so.2", "libopenblas.so.0")


def _load(path: str) -> BLAS | None:
    """Load a BLAS and return it, or None if the file is missing or is no BLAS."""
    try:
        library = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    except OSError:
        return None
    if not all(hasattr(library, name) for name in _SYMBOLS):
        return None
    name = f"{_version(library)} ({path})"
    for get, put in _THREADS:
        if hasattr(library, get) and hasattr(library, put):
            return BLAS(name, getattr(library, get)(), getattr(library, put))
    return BLAS(name)


def _version(library: ctypes.CDLL) -> str:
    text = ctypes.create_string_buffer(256)
    if hasattr(library, "MKL_Get_Version_String"):
        library.MKL_Get_Version_String(text, len(text))
    elif hasattr(library, "openblas_get_config"):
        library.openblas_get_config.restype = ctypes.c_char_p
        text.value = library.openblas_get_config()
    return text.value.decode().strip() or "unknown version"
