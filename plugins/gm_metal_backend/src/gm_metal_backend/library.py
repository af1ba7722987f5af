"""The only place where MLX is imported, after its environment and BLAS are set up."""

import functools
import os
import shutil
import sys
from types import ModuleType

import attrs

from gm_metal_backend.blas import BLAS, preload
from gm_metal_backend.fusion import can_compile_unfused
from gm_metal_backend.kernel_folder import use_own_folder
from gm_metal_backend.operators import correct_operators
from gmcore.errors import BackendUnavailableError

__all__ = ["Library", "load", "set_tf32"]

_TF32 = "MLX_ENABLE_TF32"


@attrs.frozen(kw_only=True)
class Library:
    """MLX and the BLAS chosen before it was imported.

    Attributes:
        mx: `mlx.core`.
        blas: the library that multiplies matrices on the CPU.
        unsafe: why MLX must not compile: kernels that it would load may be another user's; empty if it may.
    """

    mx: ModuleType
    blas: BLAS
    unsafe: str = ""

    @functools.cached_property
    def can_compile_unfused(self) -> bool:
        """Whether functions can be compiled for the CPU without `g++`."""
        return "MLX_DISABLE_COMPILE" not in os.environ and can_compile_unfused(self.mx)

    @functools.cached_property
    def uncompiled(self) -> str:
        """Why functions run uncompiled on the CPU, where MLX compiles with `g++`; empty if they are compiled."""
        if "MLX_DISABLE_COMPILE" in os.environ:
            return "MLX_DISABLE_COMPILE is set"
        if self.unsafe:
            return self.unsafe
        if shutil.which("g++") is None:
            return "g++ is not installed (steps are faster with it: apt install g++)"
        mx = self.mx
        try:
            with mx.stream(mx.cpu):
                mx.eval(mx.compile(lambda x: x * 2.0 + 1.0)(mx.ones(2)))
        except RuntimeError as error:
            return f"g++ fails: {error}"
        return ""


def set_tf32(wanted: bool | None) -> None:
    """Allow or forbid TF32: float32 matrix products on newer GPUs without the last 13 bits of the mantissa.

    Args:
        wanted: whether TF32 is allowed; None for the environment's setting, or False if it has none.

    Raises:
        BackendUnavailableError: if MLX was already imported with the other setting.
    """
    if "mlx.core" not in sys.modules:
        os.environ[_TF32] = os.environ.get(_TF32, "0") if wanted is None else str(int(wanted))
    elif wanted is not None and (found := os.environ.get(_TF32, "1")) != str(int(wanted)):
        raise BackendUnavailableError(
            f"tf32 = {str(wanted).lower()} was requested, but MLX was imported in this process with {_TF32}={found} "
            f"and reads it only once: set {_TF32}={int(wanted)} before starting Python"
        )


@functools.cache
def load() -> Library:
    """Import MLX.

    Raises:
        ImportError: if MLX or its library for this machine is not installed.
    """
    set_tf32(None)
    unsafe = use_own_folder()
    blas = preload()
    # Not at the top of the file: MLX binds its BLAS and reads its environment when it is imported.
    import mlx.core as mx  # noqa: PLC0415

    correct_operators(mx)
    return Library(mx=mx, blas=blas, unsafe=unsafe)
