"""The facts about the machine and its settings on which the bits of a result may depend."""

import contextlib
import os
import platform
import re
from pathlib import Path
from typing import TypedDict

import numpy as np

from gmcore.domain.cores import cores
from gmcore.registry.plugin_variables import set_by_plugins

__all__ = ["Environment", "environment"]

_VARIABLES = (
    # threads
    "ACCELERATE_NEW_LAPACK", "BLIS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_DYNAMIC", "MKL_NUM_THREADS",
    "NUMEXPR_MAX_THREADS", "NUMEXPR_NUM_THREADS", "OMP_DYNAMIC", "OMP_NUM_THREADS", "OMP_SCHEDULE", "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "VECLIB_MAXIMUM_THREADS",
    # kernels and precisions of BLAS
    "BLIS_ARCH_TYPE", "MKL_CBWR", "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS", "NPY_DISABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
    # CUDA
    "CUBLASLT_WORKSPACE_SIZE", "CUBLAS_WORKSPACE_CONFIG", "CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES", "NCCL_ALGO",
    "NCCL_PROTO", "NVIDIA_TF32_OVERRIDE",
    # JAX and XLA
    "JAX_CPU_ENABLE_ASYNC_DISPATCH", "JAX_DEFAULT_DTYPE_BITS", "JAX_DEFAULT_MATMUL_PRECISION", "JAX_DEFAULT_PRNG_IMPL",
    "JAX_DISABLE_JIT", "JAX_ENABLE_X64", "JAX_NUMPY_DTYPE_PROMOTION", "JAX_PLATFORMS", "JAX_PLATFORM_NAME",
    "JAX_THREEFRY_PARTITIONABLE", "TF_CUDNN_DETERMINISTIC", "TF_DETERMINISTIC_OPS", "TF_XLA_FLAGS", "XLA_FLAGS",
    # MLX and Python
    "MLX_DISABLE_COMPILE", "MLX_ENABLE_TF32", "PYTHONHASHSEED",
)  # fmt: skip
"""The environment variables that can change the numbers that a library computes; no others are recorded.

A prefix would not do: `NVIDIA_API_KEY` and `TF_TOKEN_…` are secrets.
"""

# A word that a setting does not contain: a prefix of common access tokens; a user's password in an address; a long
# run of letters and digits.
_SECRET = re.compile(
    r"""\b(?:sk|pk|ghp|gho|ghs|ghu|hf|glpat|xox[a-z]|github_pat|nvapi|AKIA|ASIA|eyJ)[-_A-Za-z0-9]{8}
    |://[^/\s]*@
    |(?i:passw|secret|token|credential|api_?key)
    |(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{20,}
    |[A-Za-z0-9]{40,}""",
    re.VERBOSE,
)
_WITHHELD = "set, but not recorded, since it looks like a secret"


class Environment(TypedDict):
    """The machine and its settings.

    Keys:
        machine: architecture, such as `"x86_64"`.
        processor: model name of the processor.
        threads: number of processors that this process can use.
        numpy_blas: name of NumPy's BLAS library.
        variables: environment variables that can change the numbers that a library computes, except those that a
            plugin has set itself.
    """

    machine: str
    processor: str
    threads: int
    numpy_blas: str
    variables: dict[str, str]


def environment() -> Environment:
    """Return the facts about this machine and process."""
    own = set_by_plugins()
    names = [name for name in sorted(_VARIABLES) if name in os.environ and name not in own]
    built = np.show_config(mode="dicts")
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "threads": cores(),
        "numpy_blas": built.get("Build Dependencies", {}).get("blas", {}).get("name", "unknown"),
        "variables": {name: _recorded(os.environ[name]) for name in names},
    }


def _recorded(value: str) -> str:
    return _WITHHELD if _SECRET.search(value) else value


def _processor() -> str:
    """Return the model name of the processor, which determines the kernels that libraries select."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
