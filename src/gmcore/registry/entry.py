"""One component of one plugin: where it comes from, and its first use."""

import enum
import importlib
import threading
from functools import reduce
from typing import Any, NamedTuple

from gmcore.errors import PluginLoadError
from gmcore.registry.discovery import EntryPoint

__all__ = ["Entry", "EntryInfo", "State", "owner"]


class State(enum.StrEnum):
    """What is known of an entry."""

    INSTALLED = "installed"
    """Found in a distribution's metadata and not imported yet."""
    LOADED = "loaded"
    """Imported from its distribution."""
    REGISTERED = "registered"
    """Registered in code."""
    BROKEN = "broken"
    """Its import failed; the reason says how."""
    AMBIGUOUS = "ambiguous"
    """Another distribution claims the same name; the reason says which."""
    MISPLACED = "misplaced"
    """In an entry-point group that gmcore doesn't know; the reason says what it may mean."""


class EntryInfo(NamedTuple):
    """What a listing says of an entry; asking for it imports nothing.

    A named tuple, since hundreds are made at start-up, where importing attrs would cost more than all of them.

    Attributes:
        port: the registry's name in `PluginRegistry`, such as `"model_providers"`.
        name: what a run file calls it.
        dtype: the only dtype it is for; empty if for any.
        distribution: who brings it; empty if it was registered in code.
        version: the distribution's.
        value: where it is, such as `"gm_mlp_model:MLPProvider"`.
        state: whether it can be used, as far as is known.
        reason: why not; empty if it can.
    """

    port: str
    name: str
    dtype: str = ""
    distribution: str = ""
    version: str = ""
    value: str = ""
    state: State = State.INSTALLED
    reason: str = ""


class Entry:
    """A component that is imported when it is first used; whether that went well is remembered."""

    def __init__(self, point: EntryPoint, kind: str) -> None:
        self.point = point
        self._kind = kind
        self._lock = threading.RLock()  # reentrant: a module may look itself up while it is imported
        self._cause: BaseException | None = None
        self._component: Any = None
        self.state = State.INSTALLED

    @classmethod
    def of(cls, name: str, component: Any, kind: str) -> "Entry":
        """Return the entry of a component that is here already."""
        module, qualname = getattr(component, "__module__", ""), getattr(component, "__qualname__", "")
        entry = cls(EntryPoint("", name, f"{module}:{qualname}" if qualname else repr(component), "", ""), kind)
        entry._component = component
        entry.state = State.REGISTERED
        return entry

    def load(self) -> Any:
        """Return the component.

        Raises:
            PluginLoadError: if its import fails or failed before.
        """
        with self._lock:
            if self.state is State.INSTALLED:
                self._import()
        if self._cause is not None:
            raise PluginLoadError(self.reason) from self._cause
        return self._component

    def _import(self) -> None:
        module, _, path = self.point.value.partition("[")[0].partition(":")
        names = path.strip().split(".") if path.strip() else []
        try:
            self._component = reduce(getattr, names, importlib.import_module(module.strip()))
            self.state = State.LOADED
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may fail in any way and must not take us along
            self._cause = error
            self.state = State.BROKEN

    @property
    def reason(self) -> str:
        """Why it can't be used, in a sentence; empty as long as nothing is known against it."""
        if self._cause is None:
            return ""
        cause = f"{type(self._cause).__name__}: {self._cause}".rstrip(": ")
        name, value, who = self.point.name, self.point.value, self.point.distribution
        return (
            f"{self._kind} {name!r} of {owner(self.point)} ({value}) failed to load: {cause}; update or uninstall {who}"
        )


def owner(point: EntryPoint) -> str:
    """Return who brings an entry, for people: `gm-mlp-model 0.1.0`."""
    return f"{point.distribution} {point.version}".strip() or f"{point.value}, registered in code"
