"""All ports' registries for one dtype."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gmcore.registry.discovery import EntryPoint, scan
from gmcore.registry.entry import EntryInfo, State
from gmcore.registry.registry import Registry

if TYPE_CHECKING:  # the ports bring NumPy, and listing plugins needs none
    from gmcore.ports import (
        Backend,
        CrossValidator,
        DataProvider,
        MetricComputer,
        ModelProvider,
        SequenceProvider,
        TrainingWorkflow,
    )

__all__ = ["PluginRegistry", "plugin_registry"]

_KINDS = {
    "workflows": "workflow",
    "backends": "backend",
    "data_providers": "data provider",
    "model_providers": "model provider",
    "sequence_providers": "sequence provider",
    "metric_computers": "metric",
    "cross_validators": "cross-validator",
    "hooks": "hook plugin",
}


_DTYPES = ("float32", "float64")


class PluginRegistry:
    """What is installed for one dtype, and what code registers; nothing is looked for before the first use.

    Attributes:
        dtype: `"float32"` or `"float64"`.
        workflows: ways to train.
        backends: array libraries; they are created with this `dtype`.
        data_providers: sources of rows.
        model_providers: families of models.
        sequence_providers: ways to make a curriculum.
        metric_computers: how good predictions are.
        cross_validators: ways to make folds.
        hooks: plugins that are told along the way, if a run names them.
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

    # No attrs class: importing attrs takes longer than listing two hundred plugins.
    def __init__(self, dtype: str) -> None:
        if dtype not in _DTYPES:
            raise ValueError(f"dtype must be {' or '.join(map(repr, _DTYPES))}, got {dtype!r}")
        self.dtype = dtype
        for port, kind in _KINDS.items():
            bound = {"dtype": self.dtype} if port == "backends" else {}
            setattr(self, port, Registry(kind, group=f"gmcore.{port}", dtype=self.dtype, bound=bound))

    def __repr__(self) -> str:
        return f"PluginRegistry(dtype={self.dtype!r})"

    @property
    def registries(self) -> Mapping[str, Registry[Any]]:
        """All registries by port."""
        return {port: getattr(self, port) for port in _KINDS}

    def summary(self) -> dict[str, tuple[str, ...]]:
        """Return the names that can be used, by port."""
        return {port: tuple(registry) for port, registry in self.registries.items()}

    def entries(self) -> tuple[EntryInfo, ...]:
        """Return what is known of every entry of every port, without importing any.

        Broken and ambiguous ones are among them, and those of groups that gmcore doesn't know.
        """
        known = [info for registry in self.registries.values() for info in registry.entries()]
        return (*known, *(_misplaced(point) for point in scan() if _is_misplaced(point)))

    def check(self) -> tuple[EntryInfo, ...]:
        """Import every entry of every port, whatever happens, and return what is known of each then."""
        for registry in self.registries.values():
            registry.check()
        return self.entries()


def _is_misplaced(point: EntryPoint) -> bool:
    _, port, *dtype = point.group.split(".")
    return port not in _KINDS or (bool(dtype) and ".".join(dtype) not in _DTYPES)


def _misplaced(point: EntryPoint) -> EntryInfo:
    import difflib  # noqa: PLC0415 - for mistakes alone

    known = [f"gmcore.{port}{end}" for port in _KINDS for end in ("", *(f".{dtype}" for dtype in _DTYPES))]
    near = difflib.get_close_matches(point.group, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "it may be for another version of gmcore"
    return EntryInfo(
        port=point.group.removeprefix("gmcore."),
        name=point.name,
        distribution=point.distribution,
        version=point.version,
        value=point.value,
        state=State.MISPLACED,
        reason=f"gmcore knows no group {point.group!r}: {hint}",
    )


_lock = threading.Lock()
_of_process: dict[str, PluginRegistry] = {}


def plugin_registry(dtype: str) -> PluginRegistry:
    """Return this process's registry for a dtype: the same one for every caller and thread."""
    with _lock:
        if dtype not in _of_process:
            _of_process[dtype] = PluginRegistry(dtype)
        return _of_process[dtype]
