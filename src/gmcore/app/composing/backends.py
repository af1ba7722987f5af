"""The choice of a run's backend."""

import inspect
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

import attrs

from gmcore.app.composing.builder import Builder
from gmcore.domain import Device, Work
from gmcore.errors import BackendUnavailableError, InputError, PluginLoadError
from gmcore.ports import Backend
from gmcore.registry import PluginRegistry
from gmcore.registry.foreign_code import stdout_to_stderr
from gmcore.registry.plugin_variables import variables_noted
from gmcore.storage.sealed_folder import programs_are_kept

__all__ = ["ChosenBackend", "backend_devices", "check_backend", "choose_backend"]


@attrs.frozen
class ChosenBackend:
    """A backend, a sentence that states why it was chosen, and the name by which a registry finds its class."""

    backend: Backend
    why: str
    name: str


class _Started(threading.local):
    """The backends that this thread has started, with their compiled programs, by class, dtype and options."""

    def __init__(self) -> None:
        self.backends: dict[tuple[object, ...], Backend] = {}


_started = _Started()


def backend_devices(registry: PluginRegistry) -> dict[str, tuple[Device, ...]]:
    """Return the devices of each installed backend.

    A backend that can't be loaded, or fails to list its devices, has one device, `"none"`, with the reason.

    Raises:
        InputError: if the environment variable GMCORE_KEEP_PROGRAMS is invalid, which all backends read.
    """
    programs_are_kept()  # here, lest it become the reason why each backend has no device
    devices = {}
    for name in registry.backends:
        try:
            devices[name] = _devices(registry, name)
        except InputError as error:
            devices[name] = (Device(name="none", reason=str(error)),)
    return devices


def _devices(registry: PluginRegistry, name: str) -> tuple[Device, ...]:
    """Return the devices of one backend; raise `PluginLoadError` if it does not list any."""
    kind = cast("type[Backend]", registry.backends[name])
    info = registry.backends.info(name)
    who = f"backend {name!r} of {f'{info.distribution} {info.version}'.strip() or info.value}"
    try:
        with stdout_to_stderr(), variables_noted():
            found: tuple[object, ...] = tuple(kind.devices(registry.dtype))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise PluginLoadError(f"{who} failed to list its devices: {what}") from error
    if not found or not all(isinstance(one, Device) for one in found):
        raise PluginLoadError(f"{who} must list at least one device, available or not, got {found!r:.60}")
    return cast("tuple[Device, ...]", found)


def choose_backend(
    registry: PluginRegistry,
    table: Mapping[str, object],
    path: str = "backend",
    *,
    precision: str | None = None,
    work: Work = Work(),  # noqa: B008 - it is frozen
) -> ChosenBackend:
    """Return the backend for a table of the run file.

    `"auto"` selects the available device that is estimated to take the least time for this run in a new process, see
    `Device.seconds`; if it fails to start, the next one. The estimate depends on the run, the installed backends and
    the machine alone, so it is the same each time.

    Args:
        registry: the registry of backends; its dtype is the dtype of the backend.
        table: the table, with `use`.
        path: path of the table in the run file, for errors.
        precision: dtype in which matrices are multiplied; None for the dtype of the registry.
        work: the size of the run, for `"auto"`.

    Raises:
        BackendUnavailableError: if no backend is available; the message has the reason for each.
        ConfigError: if the options of a named backend are invalid.
        InputError: if the environment variable GMCORE_KEEP_PROGRAMS is invalid.
    """
    programs_are_kept()
    builder = Builder(registry=registry)
    compute = _compute(registry, table, precision, builder.problems)
    if table.get("use") != "auto":
        if "dtype" in table:
            builder.problems.append(f"{path}.dtype: must be set at the top level of the run file, as dtype")
        if "compute" in table:
            builder.problems.append(f"{path}.compute: must be set in [training], as precision")
        options = {**table, **compute}
        make = partial(_built, builder, options, path)
        backend = make() if builder.problems else _once(registry, options, make)
        return ChosenBackend(backend, f"{backend.name} on {backend.device}, as the run file says", str(table["use"]))
    _check_auto(builder, table, path)
    return _best(registry, compute, work)


def check_backend(registry: PluginRegistry, table: Mapping[str, object], *, precision: str | None) -> None:
    """Raise `ConfigError` if a table that asks for `"auto"` has options, or the precision does not fit the dtype."""
    builder = Builder(registry=registry)
    _compute(registry, table, precision, builder.problems)
    _check_auto(builder, table, "backend")


def _check_auto(builder: Builder, table: Mapping[str, object], path: str) -> None:
    for option in sorted(set(table) - {"use"}):
        builder.problems.append(f"{path}.{option}: requires the name of a backend, got 'auto'")
    builder.finish("")


def _built(builder: Builder, options: Mapping[str, object], path: str) -> Backend:
    backend = builder.component(builder.registry.backends, options, path)
    builder.finish("")
    assert backend is not None  # noqa: S101 - finish raises otherwise
    return backend


def _once(registry: PluginRegistry, options: Mapping[str, object], make: Callable[[], Backend]) -> Backend:
    """Return the backend that this thread has started with equal options, or start one with `make`."""
    try:
        kind = registry.backends[str(options.get("use"))]
    except InputError:
        return make()  # raises the error with its path
    # As JSON, because 1 and True are equal in Python.
    key = (kind, registry.dtype, json.dumps(options, sort_keys=True, default=repr))
    backend = _started.backends.get(key)
    if backend is None:
        with variables_noted():
            backend = _started.backends[key] = make()
    return backend


def _compute(
    registry: PluginRegistry, table: Mapping[str, object], precision: str | None, problems: list[str]
) -> dict[str, object]:
    """Return the backend's option for a precision that differs from the dtype; add a problem if it has none."""
    if precision in (None, registry.dtype):
        return {}
    name = str(table.get("use"))
    if registry.dtype == "float64":
        problems.append('training.precision: can\'t be set with dtype = "float64": remove it, or set dtype = "float32"')
    elif name in registry.backends and not _supports_precision(registry.backends[name]):
        problems.append(f"training.precision: the backend {name!r} supports {registry.dtype} only")
    else:
        return {"compute": precision}
    return {}


def _supports_precision(kind: Callable[..., Backend]) -> bool:
    return "compute" in inspect.signature(kind).parameters


def _best(registry: PluginRegistry, compute: Mapping[str, object], work: Work) -> ChosenBackend:
    candidates = [(name, device) for name, devices in backend_devices(registry).items() for device in devices]
    usable = sorted((one for one in candidates if one[1].available), key=lambda one: one[1].seconds(work))
    failed = []
    for place, (name, device) in enumerate(usable):
        if compute and not _supports_precision(registry.backends[name]):
            failed.append(f"{name} multiplies matrices in {registry.dtype} alone")
            continue
        try:
            options = {**device.options, "device": device.name, **compute}
            backend = _once(registry, {"use": name, **options}, partial(registry.backends.create, name, **options))
        except InputError as error:
            failed.append(f"{name} on {device.name} did not start ({error})")
            continue
        return ChosenBackend(backend, "; ".join([*failed, _why(usable[place:], work)]), name)
    reasons = "".join(f"\n  {name}, {device.name}: {device.reason or 'did not start'}" for name, device in candidates)
    hint = "" if candidates else ": install one, such as with pip install 'gm-metal-backend[cpu]'"
    what = compute.get("compute", registry.dtype)
    raise BackendUnavailableError(f"no backend can compute {what} here{hint}{reasons}")


def _why(usable: Sequence[tuple[str, Device]], work: Work) -> str:
    """Return why the first of these devices is used, with the estimated times of it and of the next."""
    (name, device), *others = usable
    chosen = f"{name} on {device.name}" + (f" ({device.because})" if device.because else "")
    if not others:
        return chosen
    other, next_best = others[0]
    return (
        f"{chosen}: estimated {device.seconds(work):.2g} s for this run in a new process, {other} on {next_best.name} "
        f"{next_best.seconds(work):.2g} s"
    )
