"""The one door through which MLX comes in: environment and BLAS first, then the import."""

import functools
import os
from types import ModuleType

import attrs

from gm_metal_backend.blas import preload

__all__ = ["Library", "load"]


@attrs.frozen(kw_only=True)
class Library:
    """MLX, and what was decided before it was imported.

    Attributes:
        mx: `mlx.core`.
        blas: what multiplies matrices on the CPU.
        tf32: `MLX_ENABLE_TF32`, which trades float32's last 13 bits for speed on newer GPUs.
    """

    mx: ModuleType
    blas: str
    tf32: str


@functools.cache
def load() -> Library:
    """Import MLX.

    Raises:
        ImportError: if MLX, or its library for this machine, is not installed.
    """
    os.environ.setdefault("MLX_ENABLE_TF32", "0")
    blas = preload()
    # Here and not above: MLX binds its BLAS, and reads its environment, when it is imported.
    import mlx.core as mx  # noqa: PLC0415

    return Library(mx=mx, blas=blas, tf32=os.environ["MLX_ENABLE_TF32"])
