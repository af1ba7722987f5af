"""The devices that MLX can use on this machine, and why it can't use the others."""

import sys
from collections.abc import Sequence

from gm_metal_backend.library import load
from gmcore.domain import Device
from gmcore.domain.cores import cores
from gmcore.errors import BackendUnavailableError

__all__ = ["choose", "devices"]

_EXTRAS = {"metal": "gm-metal-backend", "cuda": "gm-metal-backend[cuda]", "cpu": "gm-metal-backend[cpu]"}
_BECAUSE = {"metal": "MLX is Apple's own library", "cuda": "it has a GPU", "cpu": "it compiles nothing"}
# Seconds to the first step, of a step, an operation and an element, as in `Device`. Of the CPU: measured on two cores
# of a server, without fusion; with it, `g++` takes half a second of a core for each of about 40 kernels.
_COSTS = {
    "metal": {"start": 0.5, "step": 5e-4, "operation": 2e-13, "element": 2e-11},
    "cuda": {"start": 2.0, "step": 5e-4, "operation": 5e-14, "element": 5e-12},
    "cpu": {"start": 0.3, "step": 1e-3, "operation": 6e-11 / cores(), "element": 1.4e-8},
}


def devices(dtype: str) -> tuple[Device, ...]:
    """Return MLX's devices, best first."""
    return tuple(
        Device(
            name=name,
            reason=_reason(name, dtype),
            because=_BECAUSE[name],
            options={"fused": False} if name == "cpu" else {},
            **costs,
        )
        for name, costs in _COSTS.items()
    )


def choose(dtype: str, device: str) -> str:
    """Return the name of the device to use; `"auto"` is the best available one.

    Raises:
        BackendUnavailableError: if the device can't be used, or for `"auto"`, if none can.
    """
    known: Sequence[Device] = devices(dtype)
    usable = [place.name for place in known if place.available]
    if device in usable:
        return device
    if device == "auto" and usable:
        return usable[0]
    reasons = {place.name: place.reason for place in known}
    asked = reasons.get(device) or reasons["cpu"]
    instead = f"; use device = {' or '.join(map(repr, usable))}" if usable else ""
    raise BackendUnavailableError(f"MLX can't compute {dtype} on device {device!r}: {asked}{instead}")


def _reason(name: str, dtype: str) -> str:
    """Return why MLX can't use the device; empty if it can."""
    mac = sys.platform == "darwin"
    if (name == "metal") != mac and name != "cpu":
        return "it requires a Mac with Apple silicon" if name == "metal" else "it requires Linux and an NVIDIA GPU"
    if dtype == "float64" and name != "cpu":
        return "MLX supports float64 only on the CPU"
    try:
        mx = load().mx
    except ImportError as error:
        return f"MLX can't be imported ({error}): pip install '{_EXTRAS['metal' if mac else name]}'"
    if name == "metal" and not mx.metal.is_available():
        return "MLX finds no Metal GPU"
    if name == "cuda" and not mx.cuda.is_available():
        return f"MLX finds no CUDA GPU, or is installed without CUDA: pip install '{_EXTRAS[name]}'"
    return ""
