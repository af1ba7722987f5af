"""Where XLA can compute on this machine, and why it can't elsewhere."""

import importlib.util
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import jax

from gmcore.domain import Device
from gmcore.errors import BackendUnavailableError, did_you_mean

__all__ = ["known_devices", "select"]

_COMPILED = "whole epochs compile to one call"
_PREFERENCE = {"tpu": 100, "cuda": 80, "cpu": 50}
_ABOUT_MEMORY = (
    "XLA_PYTHON_CLIENT_PREALLOCATE",
    "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "XLA_CLIENT_MEM_FRACTION",
    "XLA_PYTHON_CLIENT_ALLOCATOR",
)


def known_devices(dtype: str) -> Sequence[Device]:
    """Return JAX's devices for `dtype`, the best first, those that can't be used with the reason."""
    reasons = {name: _reason(name, dtype) for name in _PREFERENCE}
    order = sorted(_PREFERENCE, key=lambda name: (bool(reasons[name]), -_PREFERENCE[name]))
    # A card that is meant to be used and fails must not go unsaid when the CPU is taken instead.
    failed = f"; cuda: {reasons['cuda']}" if reasons["cuda"] and _has_cuda_plugin() else ""
    because = {"cpu": _COMPILED + failed}
    return [
        Device(name=name, reason=reasons[name], preference=_PREFERENCE[name], because=because.get(name, _COMPILED))
        for name in order
    ]


def select(device: str, dtype: str) -> Any:
    """Return JAX's own object for the device of that name.

    Raises:
        BackendUnavailableError: if it is unknown or can't be used here.
    """
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
        there_is = ", ".join(usable)
        raise BackendUnavailableError(f"jax can't use {device} with {dtype}: {asked.reason} (usable here: {there_is})")
    return _local(device)


def _reason(name: str, dtype: str) -> str:
    if name == "tpu" and dtype == "float64":
        return "a TPU has no float64; use device 'cpu'"
    try:
        _local(name)
    except RuntimeError as error:
        return _cause(name, str(error))
    return ""


def _cause(name: str, message: str) -> str:
    wanted = cast("Any", jax.config).jax_platforms
    if wanted and name not in wanted.replace("gpu", "cuda").split(","):
        return f"JAX_PLATFORMS is '{wanted}'"
    if name == "cuda" and not _has_cuda_plugin():
        return "JAX is installed without CUDA; on Linux with an NVIDIA card, install gm-jax-backend[cuda]"
    if name == "tpu" and importlib.util.find_spec("libtpu") is None:
        return "libtpu is not installed; on a machine with a TPU, install jax[tpu]"
    return " ".join(message.split())


def _has_cuda_plugin() -> bool:
    return any(importlib.util.find_spec(f"jax_cuda{major}_plugin") for major in (13, 12))


def _local(name: str) -> Any:
    with _growing_memory():
        return jax.local_devices(backend=name)[0]


@contextmanager
def _growing_memory() -> Iterator[None]:
    """Let JAX take a card's memory as it needs it, if this is what starts it and the user set nothing."""
    if any(name in os.environ for name in _ABOUT_MEMORY):
        yield
        return
    os.environ[_ABOUT_MEMORY[0]] = "false"
    try:
        yield
    finally:
        del os.environ[_ABOUT_MEMORY[0]]
