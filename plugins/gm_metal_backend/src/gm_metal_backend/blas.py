"""The BLAS under MLX on a Linux CPU: loaded before MLX is, because MLX's own is the slow reference one."""

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
    """What multiplies matrices, and on how many threads.

    The threads of a BLAS spin while they wait for the next product, on a core that MLX's own threads need: where the
    products are small, a step takes up to twice as long with them as without. The last bits depend on their number.

    Attributes:
        name: what it is, for people.
        most: how many threads it may take.
        take: sets how many it does take, in the whole process.
    """

    name: str
    most: int = 1
    take: Callable[[int], object] = lambda _: None
    _taken: int = attrs.field(init=False, default=0)

    def suit(self, multiplications: int, settle: Callable[[], object]) -> None:
        """Take as many threads as suit a program.

        Args:
            multiplications: how many the program's largest product of matrices has; 0 leaves it as it is.
            settle: waits for the programs before it, where theirs is another number.
        """
        threads = self.most if multiplications >= _LARGE else 1
        if multiplications and threads != self._taken:
            settle()
            self.take(threads)
            self._taken = threads


def preload() -> BLAS:
    """Make an optimised BLAS's names global, so that MLX binds to them, and return what was loaded.

    It works only before `mlx.core` is imported, and only on Linux: macOS has Accelerate.
    """
    if sys.platform != "linux":
        return BLAS("Accelerate" if sys.platform == "darwin" else "MLX's own")
    if "mlx.core" in sys.modules:
        return BLAS("unknown: mlx was imported before gmcore's backend, so its BLAS was not chosen")
    # The same bits whatever the alignment: a member of a fleet starts anywhere.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    # Milliseconds that MKL's threads spin after a product; 200 if it is left to itself.
    os.environ.setdefault("KMP_BLOCKTIME", "1")
    found = filter(None, map(_load, _candidates()))
    return next(found, BLAS(f"MLX's own, the reference BLAS ({_ADVICE})"))


def _candidates() -> Iterator[str]:
    """Yield where an optimised BLAS may be: the `mkl` wheel's, then the system's."""
    for prefix in (sys.prefix, site.getuserbase()):
        yield from map(str, sorted(Path(prefix, "lib").glob("libmkl_rt.so*")))
    yield from ("libmkl_rt.so", "libmkl_rt.so.3", "libmkl_rt.so.2", "libopenblas.so.0")


def _load(path: str) -> BLAS | None:
    """Load what is there and return it, or nothing."""
    try:
        library = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    except OSError:
        return None
    if not all(hasattr(library, name) for name in _SYMBOLS):
        return None
    name = f"{_version(library)} ({path})"
    for get, take in _THREADS:
        if hasattr(library, get) and hasattr(library, take):
            return BLAS(name, getattr(library, get)(), getattr(library, take))
    return BLAS(name)


def _version(library: ctypes.CDLL) -> str:
    text = ctypes.create_string_buffer(256)
    if hasattr(library, "MKL_Get_Version_String"):
        library.MKL_Get_Version_String(text, len(text))
    elif hasattr(library, "openblas_get_config"):
        library.openblas_get_config.restype = ctypes.c_char_p
        text.value = library.openblas_get_config()
    return text.value.decode().strip() or "unknown version"
