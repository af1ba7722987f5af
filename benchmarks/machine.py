"""The machine, the versions and the thread settings that the numbers depend on."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

__all__ = ["machine"]

_PACKAGES = (
    "gmcore", "mlx", "mkl", "jax", "jaxlib", "numpy", "polars", "torch", "scikit-learn", "skorch", "lightning", "keras",
)  # fmt: skip
_THREADS = ("OMP", "MKL", "XLA", "KMP", "OPENBLAS", "GOMP", "JAX", "MLX", "TORCH")


def machine(device):
    """Return descriptions by name."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "load at the start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "device": device,
        "commit": _commit(),
        "Python": platform.python_version(),
        "versions": ", ".join(f"{name} {version}" for name in _PACKAGES if (version := _version(name))),
        "environment variables": ", ".join(
            f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith(_THREADS)
        )
        or "none",
    }


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor():
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = [line for line in information.read_text().splitlines() if line.startswith("model name")]
        if lines:
            return lines[0].partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit():
    ask = lambda *words: subprocess.run(
        ["git", *words], cwd=Path(__file__).parent, check=False, capture_output=True, text=True
    ).stdout.strip()  # fmt: skip
    return ask("rev-parse", "--short", "HEAD") + (" and changes" if ask("status", "--porcelain") else "")
