"""The devices that MLX can use on this machine, and why it can't use the others."""

import sys
from collections.abc import Sequence

from gm_metal_backend.library import load
from gmcore.domain import Device
from gmcore.errors import BackendUnavailableError

__all__ = ["choose", "devices"]

_EXTRAS = {"metal": "gm-metal-backend", "cuda": "gm-metal-backend[cuda]", "cpu": "gm-metal-backend[cpu]"}
_PREFERENCES = {"metal": 100, "cuda": 80, "cpu": 40}
_BECAUSE = {"metal": "MLX is Apple's own library", "cuda": "it has a GPU", "cpu": "one compiled call per step"}


def devices(dtype: str) -> tuple[Device, ...]:
    """Return MLX's devices, best first."""
    return tuple(
        Device(name=name, reason=_reason(name, dtype), preference=preference, because=_BECAUSE[name])
        for name, preference in _PREFERENCES.items()
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
