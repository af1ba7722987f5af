"""The devices that JAX can use on this machine, and why it can't use the others."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gm_jax_backend.lazy_module import LazyModule
from gmcore.domain import Device
from gmcore.domain.cores import cores
from gmcore.errors import BackendUnavailableError, did_you_mean

if TYPE_CHECKING:
    import jax
else:
    jax = LazyModule("jax")

__all__ = ["known_devices", "select"]

_COMPILED = "whole epochs compile to one call"
# Seconds to the first step, of a step, an operation and an element, as in `Device`; measured on two cores of a server
# and on an H100.
_COSTS = {
    "tpu": {"start": 8.0, "step": 3e-5, "operation": 2e-14, "element": 5e-12},
    "cuda": {"start": 4.0, "step": 3e-5, "operation": 3e-14, "element": 5e-12},
    "cpu": {"start": 2.0, "step": 2e-5, "operation": 4e-11 / cores(), "element": 2e-9 / cores()},
}
_ABOUT_MEMORY = (
    "XLA_PYTHON_CLIENT_PREALLOCATE",
    "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "XLA_CLIENT_MEM_FRACTION",
    "XLA_PYTHON_CLIENT_ALLOCATOR",
)


def known_devices(dtype: str) -> Sequence[Device]:
    """Return JAX's devices for `dtype`, best first; a device that can't be used has the reason.

    JAX is imported only if it could find more than the CPU.
    """
    reasons = {name: _reason(name, dtype) for name in _COSTS}
    order = sorted(_COSTS, key=lambda name: (bool(reasons[name]), list(_COSTS).index(name)))
    # If the CUDA plugin is installed and fails, say so next to the CPU, which is used instead.
    failed = f"; cuda: {reasons['cuda']}" if reasons["cuda"] and _has_cuda_plugin() else ""
    because = {"cpu": _COMPILED + failed}
    return [
        Device(name=name, reason=reasons[name], because=because.get(name, _COMPILED), options={}, **_COSTS[name])
        for name in order
    ]


def select(device: str, dtype: str) -> "jax.Device":
    """Return JAX's device object for a name.

    Raises:
        BackendUnavailableError: if the name is unknown, the device can't be used, or JAX can't be imported.
    """
    try:
        importlib.import_module("jax")
    except (ImportError, RuntimeError) as error:  # RuntimeError: jax and jaxlib have versions that do not fit
        raise BackendUnavailableError(f"JAX can't be imported: {' '.join(str(error).split())}") from error
    if device == "cpu":
        return _local("cpu")
    devices = known_devices(dtype)
    usable = [each.name for each in devices if each.available]
    if device == "auto":
        return _local(usable[0])
    asked = next((each for each in devices if each.name == device), None)
    if asked is None:
        known = did_you_mean(device, [each.name for each in devices])
        raise BackendUnavailableError(f"jax has no device named '{device}'{known}")
    if asked.reason:
        instead = " or ".join(map(repr, usable))
        raise BackendUnavailableError(f"jax can't use {device} with {dtype}: {asked.reason}; use device = {instead}")
    return _local(device)


def _reason(name: str, dtype: str) -> str:
    if name == "tpu" and dtype == "float64":
        return "TPUs do not support float64"
    if importlib.util.find_spec("jax") is None:
        return "JAX is not installed: pip install jax"
    if (cause := _known_cause(name)) or name == "cpu":
        return cause
    try:
        _local(name)
    except RuntimeError as error:
        return " ".join(str(error).split())
    return ""


def _known_cause(name: str) -> str:
    """Return why JAX can't use a device, as far as that is known without asking it."""
    imported = "jax" in sys.modules
    wanted: str | None = jax.config.jax_platforms if imported else os.environ.get("JAX_PLATFORMS")  # type: ignore[attr-defined]
    if wanted and name not in wanted.replace("gpu", "cuda").split(","):
        return f"JAX_PLATFORMS is '{wanted}'"
    if name == "cuda" and not _has_cuda_plugin():
        return "JAX is installed without CUDA: on Linux with an NVIDIA GPU, pip install 'gm-jax-backend[cuda]'"
    if name == "tpu" and importlib.util.find_spec("libtpu") is None:
        return "libtpu is not installed: on a machine with a TPU, pip install 'jax[tpu]'"
    return ""


def _has_cuda_plugin() -> bool:
    return any(importlib.util.find_spec(f"jax_cuda{major}_plugin") for major in (13, 12))


def _local(name: str) -> "jax.Device":
    with _growing_memory():
        return jax.local_devices(backend=name)[0]


@contextmanager
def _growing_memory() -> Iterator[None]:
    """Let JAX allocate GPU memory on demand, if this call initializes JAX and the user has not configured it."""
    if any(name in os.environ for name in _ABOUT_MEMORY):
        yield
        return
    os.environ[_ABOUT_MEMORY[0]] = "false"
    try:
        yield
    finally:
        del os.environ[_ABOUT_MEMORY[0]]
