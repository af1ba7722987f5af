"""The facts about the machine and its settings on which the bits of a result may depend."""

import contextlib
import os
import platform
from pathlib import Path
from typing import TypedDict

import numpy as np

__all__ = ["Environment", "environment"]

# Environment variables that set threads, kernels, precisions and devices of numerical libraries.
_SETTINGS = (
    "ACCELERATE_", "BLIS_", "CUBLAS_", "CUDA_", "CUDNN_", "GOTO_", "JAX_", "KMP_", "MKL_", "MLX_", "NCCL_", "NVIDIA_",
    "NUMEXPR_", "OMP_", "OPENBLAS_", "POLARS_", "PYTHONHASHSEED", "TF_", "TPU_", "VECLIB_", "XLA_",
)  # fmt: skip


class Environment(TypedDict):
    """The machine and its settings.

    Keys:
        machine: architecture, such as `"x86_64"`.
        processor: model name of the processor.
        threads: number of processors that this process can use.
        numpy_blas: name of NumPy's BLAS library.
        variables: environment variables that configure numerical libraries.
    """

    machine: str
    processor: str
    threads: int
    numpy_blas: str
    variables: dict[str, str]


def environment() -> Environment:
    """Return the facts about this machine and process."""
    built = np.show_config(mode="dicts")
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "threads": _threads(),
        "numpy_blas": built.get("Build Dependencies", {}).get("blas", {}).get("name", "unknown"),
        "variables": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_SETTINGS)},
    }


def _processor() -> str:
    """Return the model name of the processor, which determines the kernels that libraries select."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _threads() -> int:
    """Return the number of processors that this process can use."""
    if "sched_getaffinity" in dir(os):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
