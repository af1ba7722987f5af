"""What of the machine and its settings the bits of a result may depend on."""

import contextlib
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["environment"]

# Threads, kernels, precisions and devices of the libraries that compute.
_SETTINGS = (
    "ACCELERATE_", "BLIS_", "CUBLAS_", "CUDA_", "CUDNN_", "GOTO_", "JAX_", "KMP_", "MKL_", "MLX_", "NCCL_", "NVIDIA_",
    "NUMEXPR_", "OMP_", "OPENBLAS_", "POLARS_", "PYTHONHASHSEED", "TF_", "TPU_", "VECLIB_", "XLA_",
)  # fmt: skip


def environment() -> dict[str, object]:
    """Return processor, threads, NumPy's BLAS, and the environment variables that change how libraries compute."""
    built: Any = np.show_config(mode="dicts")
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "threads": _threads(),
        "numpy_blas": built.get("Build Dependencies", {}).get("blas", {}).get("name", "unknown"),
        "variables": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_SETTINGS)},
    }


def _processor() -> str:
    """Return the processor's name: libraries choose their kernels by it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _threads() -> int:
    """Return on how many processors this process may run."""
    if "sched_getaffinity" in dir(os):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
