"""The registries of all kinds of components, for one dtype."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from gmcore.registry.discovery import EntryPoint, scan
from gmcore.registry.entry import EntryInfo, State
from gmcore.registry.kinds import KINDS, ports
from gmcore.registry.port_check import implements
from gmcore.registry.registry import Registry

if TYPE_CHECKING:  # the ports import NumPy, which listing plugins does not need
    from gmcore.ports import (
        Backend,
        CrossValidator,
        DataProvider,
        Engine,
        GradientStrategy,
        Layer,
        Loss,
        MetricComputer,
        ModelProvider,
        Optimizer,
        Schedule,
        SearchStrategy,
        SequenceProvider,
        TrainingWorkflow,
    )

__all__ = ["PluginRegistry", "plugin_registry"]

_DTYPES = ("float32", "float64")


class PluginRegistry:
    """The components that are installed for one dtype or registered in code; it scans for them at its first use.

    Attributes:
        dtype: `"float32"` or `"float64"`.
        workflows: training workflows.
        backends: array libraries; they are created with this `dtype`.
        data_providers: sources of rows.
        model_providers: families of models.
        sequence_providers: curriculum strategies.
        metric_computers: metrics of predictions.
        cross_validators: strategies that split rows into folds.
        hooks: hook plugins, called during a run that lists them.
        layers: layers of networks, including preprocessing.
        losses: loss functions.
        optimizers: optimizers.
        schedules: learning-rate schedules.
        gradient_strategies: methods to compute the gradient of a batch.
        search_strategies: methods to propose the trials of a search.
        engines: execution engines.
        exporters: export formats of models.
    """

    dtype: str
    workflows: Registry[TrainingWorkflow]
    backends: Registry[Backend]
    data_providers: Registry[DataProvider]
    model_providers: Registry[ModelProvider]
    sequence_providers: Registry[SequenceProvider]
    metric_computers: Registry[MetricComputer]
    cross_validators: Registry[CrossValidator]
    hooks: Registry[object]
    layers: Registry[Layer]
    losses: Registry[Loss]
    optimizers: Registry[Optimizer]
    schedules: Registry[Schedule]
    gradient_strategies: Registry[GradientStrategy]
    search_strategies: Registry[SearchStrategy]
    engines: Registry[Engine]
    exporters: Registry[object]

    # Not an attrs class, since importing attrs takes longer than listing two hundred plugins.
    def __init__(self, dtype: str) -> None:
        if dtype not in _DTYPES:
            raise ValueError(f"dtype must be {' or '.join(map(repr, _DTYPES))}, got {dtype!r}")
        self.dtype = dtype
        # By class: the options of a run have few classes, and the comparison with all ports is slow.
        self._kinds: weakref.WeakKeyDictionary[type, str | None] = weakref.WeakKeyDictionary()
        for name, kind in KINDS.items():
            bound = {"dtype": self.dtype} if name == "backends" else {}
            registry: Registry[object] = Registry(
                kind.title, group=f"gmcore.{name}", dtype=self.dtype, bound=bound, plugins=self
            )
            setattr(self, name, registry)

    def __repr__(self) -> str:
        return f"PluginRegistry(dtype={self.dtype!r})"

    @property
    def registries(self) -> Mapping[str, Registry[object]]:
        """All registries, by name."""
        return {port: getattr(self, port) for port in KINDS}

    @cached_property
    def by_port(self) -> Mapping[type, Registry[object]]:
        """The registries of the kinds that have a port, by port."""
        return {port: getattr(self, name) for name, port in ports().items()}

    def kind_of(self, cls: type) -> str | None:
        """Return the kind whose port a class implements, such as `"losses"`; None for a class that is no component."""
        if cls not in self._kinds:
            by_base = (self.by_port[base].port for base in cls.__mro__ if base in self.by_port)
            by_methods = (registry.port for port, registry in self.by_port.items() if implements(cls, port))
            self._kinds[cls] = next(itertools.chain(by_base, by_methods), None)
        return self._kinds[cls]

    def is_component(self, cls: type) -> bool:
        """Return whether a class implements the port of any kind."""
        return self.kind_of(cls) is not None

    def name_of(self, component: type) -> str | None:
        """Return the name under which the registry of a class's kind finds it; None if it is not registered there."""
        kind = self.kind_of(component)
        return None if kind is None else self.registries[kind].name_of(component)

    def summary(self) -> dict[str, tuple[str, ...]]:
        """Return the available names, by registry."""
        return {port: tuple(registry) for port, registry in self.registries.items()}

    def entries(self) -> tuple[EntryInfo, ...]:
        """Return information about all entries of all registries, without importing any.

        Includes broken and ambiguous entries, and entries of groups that gmcore does not know.
        """
        known = [info for registry in self.registries.values() for info in registry.entries()]
        return (*known, *(_misplaced(point) for point in scan() if _is_misplaced(point)))

    def check(self) -> tuple[EntryInfo, ...]:
        """Import all entries, including those that fail, and return the information about them."""
        for registry in self.registries.values():
            registry.check()
        return self.entries()


def _is_misplaced(point: EntryPoint) -> bool:
    _, port, *dtype = point.group.split(".")
    return port not in KINDS or (bool(dtype) and ".".join(dtype) not in _DTYPES)


def _misplaced(point: EntryPoint) -> EntryInfo:
    import difflib  # noqa: PLC0415 - used for errors only

    known = [f"gmcore.{port}{end}" for port in KINDS for end in ("", *(f".{dtype}" for dtype in _DTYPES))]
    near = difflib.get_close_matches(point.group, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "it may be for another version of gmcore"
    return EntryInfo(
        port=point.group.removeprefix("gmcore."),
        name=point.name,
        distribution=point.distribution,
        version=point.version,
        value=point.value,
        state=State.MISPLACED,
        reason=f"unknown entry-point group {point.group!r}: {hint}",
    )


_lock = threading.Lock()
_of_process: dict[str, PluginRegistry] = {}


def plugin_registry(dtype: str) -> PluginRegistry:
    """Return the registry of this process for a dtype; every call returns the same object, in all threads."""
    with _lock:
        if dtype not in _of_process:
            _of_process[dtype] = PluginRegistry(dtype)
        return _of_process[dtype]
