"""The one door through which MLX comes in: environment and BLAS first, then the import."""

import functools
import os
import shutil
from types import ModuleType

import attrs

from gm_metal_backend.blas import preload
from gm_metal_backend.mending import mend

__all__ = ["Library", "load"]


@attrs.frozen(kw_only=True)
class Library:
    """MLX, and what was decided before it was imported.

    Attributes:
        mx: `mlx.core`.
        blas: what multiplies matrices on the CPU.
    """

    mx: ModuleType
    blas: str

    @functools.cached_property
    def uncompiled(self) -> str:
        """Why functions run uncompiled on the CPU, where MLX calls `g++` as it goes; empty when they don't."""
        if "MLX_DISABLE_COMPILE" in os.environ:
            return "MLX_DISABLE_COMPILE is set"
        if shutil.which("g++") is None:
            return "there is no g++ (with it, steps are faster: apt install g++)"
        mx = self.mx
        try:
            with mx.stream(mx.cpu):
                mx.eval(mx.compile(lambda x: x * 2.0 + 1.0)(mx.ones(2)))
        except RuntimeError as error:
            return f"g++ fails here: {error}"
        return ""


@functools.cache
def load() -> Library:
    """Import MLX.

    Raises:
        ImportError: if MLX, or its library for this machine, is not installed.
    """
    # Without this, newer GPUs drop the last 13 bits of float32's mantissa when they multiply matrices.
    os.environ.setdefault("MLX_ENABLE_TF32", "0")
    blas = preload()
    # Here and not above: MLX binds its BLAS, and reads its environment, when it is imported.
    import mlx.core as mx  # noqa: PLC0415

    mend(mx)
    return Library(mx=mx, blas=blas)
