"""The one door through which MLX comes in: environment and BLAS first, then the import."""

import functools
import os
import shutil
import sys
from types import ModuleType

import attrs

from gm_metal_backend.blas import BLAS, preload
from gm_metal_backend.mending import mend
from gmcore.errors import BackendUnavailableError

__all__ = ["Library", "load", "settle_tf32"]

_TF32 = "MLX_ENABLE_TF32"


@attrs.frozen(kw_only=True)
class Library:
    """MLX, and what was decided before it was imported.

    Attributes:
        mx: `mlx.core`.
        blas: what multiplies matrices on the CPU.
    """

    mx: ModuleType
    blas: BLAS

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


def settle_tf32(wanted: bool | None) -> None:
    """Tell MLX whether it may drop the last 13 bits of float32's mantissa when newer GPUs multiply matrices.

    Args:
        wanted: whether it may; None: as the environment says, and where that says nothing it may not.

    Raises:
        BackendUnavailableError: if MLX is imported, and was told otherwise.
    """
    if "mlx.core" not in sys.modules:
        os.environ[_TF32] = os.environ.get(_TF32, "0") if wanted is None else str(int(wanted))
    elif wanted is not None and (found := os.environ.get(_TF32, "1")) != str(int(wanted)):
        raise BackendUnavailableError(
            f"tf32 = {str(wanted).lower()} was asked for, but MLX was imported in this process with {_TF32}={found}, "
            f"which it reads once: set {_TF32}={int(wanted)} before Python starts"
        )


@functools.cache
def load() -> Library:
    """Import MLX.

    Raises:
        ImportError: if MLX, or its library for this machine, is not installed.
    """
    settle_tf32(None)
    blas = preload()
    # Here and not above: MLX binds its BLAS, and reads its environment, when it is imported.
    import mlx.core as mx  # noqa: PLC0415

    mend(mx)
    return Library(mx=mx, blas=blas)
