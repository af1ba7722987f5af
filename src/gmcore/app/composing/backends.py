"""Which backend a run computes on, and why."""

import inspect
import json
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs

from gmcore.app.composing.builder import Builder
from gmcore.domain import Device
from gmcore.errors import BackendUnavailableError, InputError
from gmcore.ports import Backend
from gmcore.registry import PluginRegistry

__all__ = ["ChosenBackend", "backend_devices", "choose_backend"]


@attrs.frozen
class ChosenBackend:
    """A backend and the sentence that says why it is this one."""

    backend: Backend
    why: str


class _Started(threading.local):
    """The backends that a thread has started, which keep what they compiled, by class, dtype and options."""

    def __init__(self) -> None:
        self.backends: dict[tuple[object, ...], Backend] = {}


_started = _Started()


def backend_devices(registry: PluginRegistry) -> dict[str, tuple[Device, ...]]:
    """Return each installed backend's devices; of one that does not load, one device with the reason."""
    found = {}
    for name in registry.backends:
        try:
            kind: Any = registry.backends[name]
            found[name] = tuple(kind.devices(registry.dtype))
        except InputError as error:
            found[name] = (Device(name="none", reason=str(error)),)
    return found


def choose_backend(
    registry: PluginRegistry, table: Mapping[str, Any], path: str = "backend", *, precision: str | None = None
) -> ChosenBackend:
    """Return the backend that a run file's table asks for.

    Under `"auto"` the best device that can be used is taken; where starting it fails after all, the next.

    Args:
        registry: where backends are looked up; its dtype is theirs.
        table: with `use`.
        path: where the table stands in the run file, for errors.
        precision: what matrices are multiplied in; None for the dtype.

    Raises:
        BackendUnavailableError: if there is none, with what each one lacks.
        ConfigError: if a named backend's options are wrong.
    """
    builder = Builder(registry=registry)
    compute = _compute(registry, table, precision, builder.problems)
    if table.get("use") != "auto":
        if "dtype" in table:
            builder.problems.append(f"{path}.dtype: the dtype stands at the top of the run file")
        if "compute" in table:
            builder.problems.append(f"{path}.compute: is called precision and stands in [training]")
        options = {**table, **compute}
        make = partial(_built, builder, options, path)
        backend = make() if builder.problems else _once(registry, options, make)
        return ChosenBackend(backend, f"{backend.name} on {backend.device}, as the run file says")
    for option in sorted(set(table) - {"use"}):
        builder.problems.append(f"{path}.{option}: an option needs a backend's name, not 'auto'")
    builder.finish("")
    return _best(registry, compute)


def _built(builder: Builder, options: Mapping[str, Any], path: str) -> Backend:
    backend = builder.component(builder.registry.backends, options, path)
    builder.finish("")
    assert backend is not None  # noqa: S101 - finish raises otherwise
    return backend


def _once(registry: PluginRegistry, options: Mapping[str, Any], make: Callable[[], Backend]) -> Backend:
    """Return the backend that this thread started with the same options, or what `make` starts."""
    try:
        kind = registry.backends[options["use"]]
    except (InputError, KeyError, TypeError):
        return make()  # which says what is wrong
    # Written out, because 1 and True are equal.
    key = (kind, registry.dtype, json.dumps(options, sort_keys=True, default=repr))
    found = _started.backends.get(key)
    if found is None:
        found = _started.backends[key] = make()
    return found


def _compute(
    registry: PluginRegistry, table: Mapping[str, Any], precision: str | None, problems: list[str]
) -> dict[str, Any]:
    """Return the option that sets a precision other than the dtype, and note where there can be none."""
    if precision in (None, registry.dtype):
        return {}
    name = str(table.get("use"))
    if registry.dtype == "float64":
        problems.append(
            'training.precision: dtype = "float64" is exact: leave the precision away, or set dtype = "float32"'
        )
    elif name in registry.backends and not _narrows(registry.backends[name]):
        problems.append(f"training.precision: the backend {name!r} multiplies matrices in {registry.dtype} alone")
    else:
        return {"compute": precision}
    return {}


def _narrows(kind: Any) -> bool:
    return "compute" in inspect.signature(kind).parameters


def _best(registry: PluginRegistry, compute: Mapping[str, Any]) -> ChosenBackend:
    found = backend_devices(registry)
    candidates = [(name, device) for name, devices in found.items() for device in devices]
    failed = []
    for name, device in sorted(candidates, key=lambda one: -one[1].preference):
        if not device.available:
            continue
        if compute and not _narrows(registry.backends[name]):
            failed.append(f"{name} multiplies matrices in {registry.dtype} alone")
            continue
        try:
            options = {"device": device.name, **compute}
            backend = _once(registry, {"use": name, **options}, partial(registry.backends.create, name, **options))
        except InputError as error:
            failed.append(f"{name} on {device.name} did not start ({error})")
            continue
        because = f": {device.because}" if device.because else ""
        return ChosenBackend(backend, "; ".join([*failed, f"{name} on {device.name}{because}"]))
    reasons = "".join(f"\n  {name}, {device.name}: {device.reason or 'did not start'}" for name, device in candidates)
    hint = "" if candidates else " (pip install 'gm-metal-backend[cpu]' brings one)"
    what = compute.get("compute", registry.dtype)
    raise BackendUnavailableError(f"no backend can compute {what} here{hint}{reasons}")
