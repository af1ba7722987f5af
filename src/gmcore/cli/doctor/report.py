"""What `gmcore doctor` reports: versions, backends with their devices, and broken plugins."""

import importlib.metadata
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Iterator

import attrs
import numpy as np

import gmcore
from gmcore.app import backend_devices, choose_backend
from gmcore.cli.doctor.speed_probe import probe
from gmcore.cli.output import say, table
from gmcore.cli.plugins.list import entries
from gmcore.domain import Device
from gmcore.errors import InputError
from gmcore.ports import Backend
from gmcore.registry import EntryInfo, PluginRegistry, State, plugin_registry

__all__ = ["report"]

_COMPILERS = ("c++", "g++", "clang++")


@attrs.frozen(kw_only=True)
class _Place:
    """A device of a backend for one dtype.

    Attributes:
        backend: name of the backend.
        dtype: `"float32"` or `"float64"`.
        device: the device.
        facts: the backend's provenance, if the device is available.
        speed: measured speed, as in `Speed`, if requested.
    """

    backend: str
    dtype: str
    device: Device
    facts: dict[str, str] = attrs.field(factory=dict)
    speed: dict[str, float] = attrs.field(factory=dict)


def report(*, bench: bool) -> tuple[dict[str, object], bool]:
    """Print what is installed, and return it, and whether all plugins load and a device is available.

    Args:
        bench: whether the speed of each device is measured.
    """
    found = entries(check=True)
    registries = (plugin_registry("float32"), plugin_registry("float64"))
    places = [place for registry in registries for place in _places(registry, bench=bench)]
    troubles = [info for info in _with_failures(found, places) if info.reason]
    auto = {registry.dtype: _auto(registry) for registry in registries}
    machine = _machine()
    packages = dict(_packages({info.distribution for info in found}))
    say(table(("", ""), machine.items()).lstrip())
    say("\n" + ", ".join(f"{name} {version}" for name, version in packages.items()))
    say("\n" + _devices(places, bench=bench))
    say("\n" + "\n".join(f"auto, {dtype}: {why}" for dtype, why in auto.items()))
    say("\n" + _plugins(found, troubles))
    facts = {
        "backends": [_report(place) for place in places],
        "auto": auto,
        "troubles": [info._asdict() for info in troubles],
    }
    healthy = not troubles and any(place.device.available for place in places)
    return {**machine, "packages": packages, **facts}, healthy


def _with_failures(found: Iterable[EntryInfo], places: Iterable[_Place]) -> Iterator[EntryInfo]:
    """Yield the entries; a backend that loads but does not list its devices gets the reason."""
    failures = {place.backend: place.device.reason for place in places if place.device.name == "none"}
    for info in found:
        names = (info.name, f"{info.distribution}/{info.name}") if info.port == "backends" and not info.reason else ()
        reason = next((failures[name] for name in names if name in failures), "")
        yield info._replace(state=State.BROKEN, reason=reason) if reason else info


def _machine() -> dict[str, str]:
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), "none")
    return {
        "gmcore": gmcore.__version__,
        "python": f"{sys.version.split()[0]} ({sys.executable})",
        "platform": platform.platform(),
        "compiler": compiler,
        "numpy_blas": _numpy_blas(),
    }


def _numpy_blas() -> str:
    found: object = np.show_config(mode="dicts")
    for key in ("Build Dependencies", "blas", "name"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else "unknown"


def _packages(distributions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and version of the plugins' distributions and of their requirements, if installed."""
    names = set(distributions)
    for distribution in distributions:
        lines = importlib.metadata.requires(distribution) or []
        names |= {re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line}
    for name in sorted(names):
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue


def _places(registry: PluginRegistry, *, bench: bool) -> Iterator[_Place]:
    for name, devices in backend_devices(registry).items():
        for device in devices:
            place = _Place(backend=name, dtype=registry.dtype, device=device)
            yield _started(place, registry, bench=bench) if device.available else place


def _started(place: _Place, registry: PluginRegistry, *, bench: bool) -> _Place:
    """Return the place with facts and speed of its device, or with the reason why the device fails to start."""
    try:
        backend: Backend = registry.backends.create(place.backend, device=place.device.name)
    except InputError as error:
        return attrs.evolve(place, device=attrs.evolve(place.device, reason=f"fails to start: {error}"))
    speed = attrs.asdict(probe(backend)) if bench else {}
    return attrs.evolve(place, facts=dict(backend.provenance()), speed=speed)


def _auto(registry: PluginRegistry) -> str:
    try:
        return choose_backend(registry, {"use": "auto"}).why
    except InputError as error:
        return str(error)


def _devices(places: Iterable[_Place], *, bench: bool) -> str:
    head = ("backend", "device", "dtype", *(("GFLOP/s", "µs per step") if bench else ()), "")
    rows = [
        (
            place.backend,
            place.device.name,
            place.dtype,
            *_speeds(place, bench=bench),
            place.device.reason or "available",
        )
        for place in places
    ]
    facts = [
        f"{place.backend} on {place.device.name}, {place.dtype}: "
        + ", ".join(f"{name} {fact}" for name, fact in place.facts.items() if name not in ("device", "dtype"))
        for place in places
        if place.facts
    ]
    return "\n".join([table(head, rows), "", *facts])


def _speeds(place: _Place, *, bench: bool) -> tuple[object, ...]:
    return tuple(place.speed.values()) or ("", "") if bench else ()


def _plugins(found: Iterable[EntryInfo], troubles: Iterable[EntryInfo]) -> str:
    lines = [f"{info.port} {info.name!r}, {info.distribution} {info.version}: {info.reason}" for info in troubles]
    return "\n".join(lines) or f"all {len(list(found))} plugins load"


def _report(place: _Place) -> dict[str, object]:
    about = {"backend": place.backend, "device": place.device.name, "dtype": place.dtype}
    known = {"available": place.device.available, "reason": place.device.reason}
    costs = {name: getattr(place.device, name) for name in ("start", "step", "operation", "element")}
    return {**about, **known, **costs, "because": place.device.because, "facts": place.facts, **place.speed}
