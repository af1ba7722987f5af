"""An entry of a registry: one component of one distribution, imported at its first use."""

import enum
import importlib
import threading
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from gmcore.errors import PluginLoadError, PortError
from gmcore.registry.discovery import EntryPoint
from gmcore.registry.foreign_code import stdout_to_stderr
from gmcore.registry.plugin_variables import variables_noted
from gmcore.registry.port_check import port_problem

if TYPE_CHECKING:  # it imports this file
    from gmcore.registry.plugins import PluginRegistry

__all__ = ["OBJECT", "Entry", "EntryInfo", "State", "component_path", "owner", "recorded_name"]

OBJECT = "object "
"""Start of the recorded name of a component whose class is not registered; the path of the class follows."""


class State(enum.StrEnum):
    """The state of an entry."""

    INSTALLED = "installed"
    """Found in the metadata of a distribution and not imported yet."""
    LOADED = "loaded"
    """Imported from its distribution."""
    REGISTERED = "registered"
    """Registered in code."""
    BROKEN = "broken"
    """Its import failed; the reason contains the error."""
    INVALID = "invalid"
    """It does not implement its port; the reason lists what is missing."""
    AMBIGUOUS = "ambiguous"
    """Another distribution provides the same name; the reason names it."""
    MISPLACED = "misplaced"
    """In an entry-point group that gmcore does not know; the reason suggests a group."""


class EntryInfo(NamedTuple):
    """Information about an entry, available without importing it.

    A named tuple, since hundreds are created at start-up, and importing attrs takes longer than creating all of them.

    Attributes:
        port: name of the registry in `PluginRegistry`, such as `"model_providers"`.
        name: name in a run file.
        dtype: the only dtype that it supports; empty if it supports all.
        distribution: the distribution that provides it; empty if it was registered in code.
        version: version of the distribution.
        value: path of the component, such as `"gm_mlp_model:MLPProvider"`.
        state: whether it can be used, as far as known.
        reason: why it can't be used; empty if it can.
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
    """A component that is imported at its first use, once, whether the import succeeds or fails."""

    def __init__(self, point: EntryPoint, kind: str, port: str) -> None:
        self.point = point
        self._kind = kind
        self._port = port
        self._problem = ""
        self._lock = threading.RLock()  # reentrant, since a module may look itself up while it is imported
        self._cause: BaseException | None = None
        self._component: object = None
        self.state = State.INSTALLED

    @classmethod
    def of(cls, name: str, component: object, kind: str, port: str) -> "Entry":
        """Return the entry of a component that is registered in code.

        Raises:
            PortError: if the component does not implement the port of its kind.
        """
        module, qualname = getattr(component, "__module__", ""), getattr(component, "__qualname__", "")
        value = f"{module}:{qualname}" if qualname else repr(component)
        entry = cls(EntryPoint("", name, value, "", ""), kind, port)
        if problem := port_problem(component, port):
            raise PortError(f"{kind} {name!r} ({value}) {problem}")
        entry._component = component
        entry.state = State.REGISTERED
        return entry

    @property
    def is_own(self) -> bool:
        """Whether it is part of gmcore; other distributions can't shadow its name."""
        return self.point.distribution == "gmcore"

    def load(self) -> object:
        """Return the component, imported at the first call.

        Raises:
            PluginLoadError: if its import fails, or has failed before.
            PortError: if it does not implement its port.
        """
        with self._lock:
            if self.state is State.INSTALLED:
                self._import()
        if self._cause is not None:
            raise PluginLoadError(self.reason) from self._cause
        if self._problem:
            raise PortError(self.reason)
        return self._component

    def loads(self) -> bool:
        """Return whether the component can be used; it is imported at the first call."""
        try:
            self.load()
        except (PluginLoadError, PortError):
            return False
        return True

    def _import(self) -> None:
        module, _, path = self.point.value.partition("[")[0].partition(":")
        names = path.strip().split(".") if path.strip() else []
        try:
            with stdout_to_stderr(), variables_noted():
                self._component = reduce(getattr, names, importlib.import_module(module.strip()))
                self._problem = port_problem(self._component, self._port)
            self.state = State.INVALID if self._problem else State.LOADED
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, and others must still work
            self._cause = error
            self.state = State.BROKEN

    @property
    def reason(self) -> str:
        """Why it can't be used, as a sentence; empty if no problem is known."""
        if self._cause is None:
            return self._port_reason() if self._problem else ""
        cause = f"{type(self._cause).__name__}: {self._cause}".rstrip(": ")
        name, value, who = self.point.name, self.point.value, self.point.distribution
        return (
            f"{self._kind} {name!r} of {owner(self.point)} ({value}) failed to load: {cause}; update or uninstall {who}"
        )

    def _port_reason(self) -> str:
        name, value, who = self.point.name, self.point.value, self.point.distribution
        return f"{self._kind} {name!r} of {owner(self.point)} ({value}) {self._problem}; update or uninstall {who}"


def recorded_name(cls: type, plugins: "PluginRegistry") -> str:
    """Return the name of a class in records: its registered name, or else `OBJECT` and its path."""
    return plugins.name_of(cls) or f"{OBJECT}{cls.__module__}.{cls.__qualname__}"


def component_path(component: object) -> tuple[str, str]:
    """Return the top-level package and the qualified name of a class or function; empty texts for other objects."""
    return getattr(component, "__module__", "").partition(".")[0], getattr(component, "__qualname__", "")


def owner(point: EntryPoint) -> str:
    """Return the distribution that provides an entry, for messages: `gm-mlp-model 0.1.0`."""
    return f"{point.distribution} {point.version}".strip() or f"{point.value}, registered in code"
