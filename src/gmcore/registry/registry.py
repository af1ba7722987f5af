"""The registry of one kind of components: looks up names, imports components at their first use, and creates them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar, cast, overload

from gmcore.errors import AmbiguousNameError, DuplicateNameError, UnknownNameError
from gmcore.registry.discovery import EntryPoint, normalise, scan
from gmcore.registry.entry import Entry, EntryInfo, State, component_path, owner

if TYPE_CHECKING:  # looking up names needs no paths
    from pathlib import Path

    from gmcore.registry.plugins import PluginRegistry

__all__ = ["Registry"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


class Registry(Mapping[str, Callable[..., T]], Generic[T]):
    """The components of one kind: a read-only mapping from names to the factories that create them.

    Names come from the metadata of installed distributions, and a component is imported when its name is first looked
    up; iterating, `in`, `len`, `info` and `entries` import nothing. `distribution/name` works for every installed name,
    and is required if two distributions provide the same name; iterating then yields this long form. All methods are
    thread-safe.

    Args:
        kind: name of the kind in messages, such as `"model provider"`.
        group: the entry-point group; empty for a registry of components that are registered in code only.
        dtype: the entry-point group `group.dtype` is read as well.
        bound: options that the registry sets, and callers can't change.
        plugins: registries for the names of nested components; None for none.
    """

    def __init__(
        self,
        kind: str,
        *,
        group: str = "",
        dtype: str = "",
        bound: Mapping[str, object] | None = None,
        plugins: PluginRegistry | None = None,
    ) -> None:
        self.kind = kind
        self.plugins = plugins
        self.port = group.removeprefix("gmcore.")
        self.dtype = dtype
        self.bound = dict(bound or {})
        self._group = group
        self._groups = {group: ""} if group else {}
        if group and dtype:
            self._groups[f"{group}.{dtype}"] = dtype
        self._lock = threading.RLock()
        self._ready: dict[str, Callable[..., T]] = {}
        self._seen: tuple[EntryPoint, ...] = ()
        self._installed: dict[EntryPoint, Entry] = {}
        self._registered: dict[str, Entry] = {}
        self._removed: set[EntryPoint] = set()
        self._names: dict[str, list[Entry]] | None = None

    # The comparison of `Mapping` would import every plugin.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __getitem__(self, name: str) -> Callable[..., T]:
        """Return the factory that creates the component, imported if necessary.

        Raises:
            UnknownNameError: if no component has that name.
            AmbiguousNameError: if several distributions provide that name.
            PluginLoadError: if the import of its plugin fails.
            PortError: if it does not implement the port of its kind.
        """
        try:
            return self._ready[name]
        except KeyError:
            pass
        entry = self._entry(name)
        component = cast("Callable[..., T]", entry.load())
        with self._lock:
            # Another thread may have unregistered the name during the import.
            if self._usable(name) == [entry]:
                self._ready[name] = component
        return component

    def __iter__(self) -> Iterator[str]:
        return iter(self._index())

    def __len__(self) -> int:
        return len(self._index())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and len(self._usable(name)) == 1

    def __repr__(self) -> str:
        return f"<Registry of {self.kind}s: {', '.join(self) or 'none'}>"

    def create(self, name: str, /, **options: object) -> T:
        """Return a new component with these options, like `build`."""
        return self.build(name, options)

    def build(self, name: str, options: Mapping[str, object], *, path: str = "", base: Path | None = None) -> T:
        """Return a new component with the options of a table in a run file.

        The options of an attrs class are checked strictly, as in `structure`. Any other callable is called with them
        unchecked. An object that can't be called is itself the component, and has no options.

        Args:
            name: name of the component.
            options: its options.
            path: path of the options in the run file, for errors.
            base: folder that relative paths in the options start from.

        Raises:
            ConfigError: if options are invalid; contains all problems.
            PluginLoadError: if the component's class raises any other exception.
            UnknownNameError, AmbiguousNameError, PluginLoadError: as for a lookup.
        """
        from gmcore.registry.config import call  # noqa: PLC0415 - looking up names needs no cattrs

        who = f"{self.kind} {name!r} of {owner(self._entry(name).point)}"
        component = call(self[name], options, who=who, bound=self.bound, path=path, base=base, plugins=self.plugins)
        return cast("T", component)

    def name_of(self, component: object) -> str | None:
        """Return the name under which a component is found; None if there is none.

        Imports only entries of the component's package with the component's qualified name.
        """
        package, qualname = component_path(component)
        for name, entry in self._index().items():
            if entry.state is State.REGISTERED:
                found = entry.load() is component
            else:
                module, _, attribute = entry.point.value.partition("[")[0].partition(":")
                near = module.strip().partition(".")[0] == package and attribute.strip() == qualname
                found = near and entry.loads() and entry.load() is component
            if found:
                return name
        return None

    @overload
    def register(self, name: str, factory: F) -> F: ...
    @overload
    def register(self, name: str) -> Callable[[F], F]: ...
    def register(self, name: str, factory: F | None = None) -> F | Callable[[F], F]:
        """Register a component under a name; without `factory`, return a decorator that registers.

        Raises:
            DuplicateNameError: if the name is registered or installed already.
            PortError: if the component does not implement the port of this kind.
        """
        if factory is None:
            return lambda decorated: self.register(name, decorated)
        if not name or "/" in name:
            raise ValueError(f"a registered name can't be empty or contain '/', got {name!r}")
        with self._lock:
            if taken := self._matches(name):
                owners = " and ".join(owner(entry.point) for entry in taken)
                raise DuplicateNameError(
                    f"a {self.kind} named {name!r} already exists ({owners}): choose another name or unregister it"
                )
            self._registered[name] = Entry.of(name, factory, self.kind, self.port)
            self._names = None
        return factory

    def unregister(self, name: str) -> None:
        """Remove a name that is registered in code or installed; this registry will not find it again.

        Raises:
            UnknownNameError, AmbiguousNameError: as for a lookup.
        """
        with self._lock:
            entry = self._entry(name)
            if self._registered.pop(entry.point.name, None) is None:
                self._removed.add(entry.point)
            self._names = None
            self._ready.clear()

    def clear(self) -> None:
        """Remove all names; this registry will not find installed ones again."""
        with self._lock:
            self._groups = {}
            self._registered.clear()
            self._names = None
            self._ready.clear()

    def info(self, name: str) -> EntryInfo:
        """Return information about a name, without importing the component.

        Raises:
            UnknownNameError, AmbiguousNameError: as for a lookup.
        """
        entry = self._entry(name)
        return self._info(entry, [entry])

    def entries(self) -> tuple[EntryInfo, ...]:
        """Return information about all entries, sorted by name, including broken and ambiguous ones."""
        names = self._by_name()
        return tuple(self._info(entry, names[name]) for name in sorted(names) for entry in names[name])

    def check(self) -> tuple[EntryInfo, ...]:
        """Import all entries and return the information about them."""
        for same in self._by_name().values():
            for entry in same:
                entry.loads()
        return self.entries()

    def _info(self, entry: Entry, same: list[Entry]) -> EntryInfo:
        point = entry.point
        others = [other for other in same if other is not entry and not other.reason]
        state, reason = entry.state, entry.reason
        if others and not entry.is_own and not reason:
            owners = " and ".join(owner(other.point) for other in others)
            state, reason = State.AMBIGUOUS, f"also provided by {owners}: use {_long_name(point)!r}"
        return EntryInfo(
            port=self.port,
            name=point.name,
            dtype=self._groups.get(point.group, ""),
            distribution=point.distribution,
            version=point.version,
            value=point.value,
            state=state,
            reason=reason,
        )

    def _by_name(self) -> Mapping[str, list[Entry]]:
        """Return all entries by short name, updated if the installed distributions have changed."""
        with self._lock:
            points = scan() if self._groups else ()
            if self._names is None or points is not self._seen:
                present = [point for point in self._of_groups(points) if point not in self._removed]
                self._installed = {
                    point: self._installed.get(point) or Entry(point, self.kind, self.port) for point in present
                }
                names: dict[str, list[Entry]] = {}
                for entry in (*self._registered.values(), *self._installed.values()):
                    names.setdefault(entry.point.name, []).append(entry)
                self._seen, self._names = points, names
            return self._names

    def _of_groups(self, points: tuple[EntryPoint, ...]) -> list[EntryPoint]:
        """Return the entry points of this registry; a distribution's entry for the dtype replaces its general one."""
        inside = [point for point in points if point.group in self._groups]
        specific = {(point.distribution, point.name) for point in inside if self._groups[point.group]}
        return [p for p in inside if self._groups[p.group] or (p.distribution, p.name) not in specific]

    def _index(self) -> dict[str, Entry]:
        """Return all entries by unambiguous name."""
        names = self._by_name()
        return {
            name if len(names[name]) == 1 or entry.is_own else _long_name(entry.point): entry
            for name in sorted(names)
            for entry in names[name]
        }

    def _matches(self, name: str) -> list[Entry]:
        distribution, slash, short = name.rpartition("/")
        entries = self._by_name().get(short, [])
        if not slash:
            return [entry for entry in entries if entry.is_own] or entries
        return [entry for entry in entries if normalise(entry.point.distribution) == normalise(distribution)]

    def _usable(self, name: str) -> list[Entry]:
        """Return the entries of a name; of several those that load: a broken plugin takes no name from others."""
        found = self._matches(name)
        return [entry for entry in found if len(found) == 1 or entry.loads()] or found

    def _entry(self, name: str) -> Entry:
        found = self._usable(name)
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(f"{_long_name(entry.point)!r} ({owner(entry.point)})" for entry in found)
            raise AmbiguousNameError(f"several {self.kind}s are named {name!r}: use {choices}")
        from gmcore.registry.unknown import unknown_name  # noqa: PLC0415 - used for errors only

        elsewhere = [point for point in scan() if point.group.startswith(f"{self._group}.")] if self._groups else []
        raise UnknownNameError(
            unknown_name(
                name,
                kind=self.kind,
                group=self._group,
                dtype=self.dtype,
                known=self._index(),
                elsewhere=elsewhere,
            )
        )


def _long_name(point: EntryPoint) -> str:
    return f"{point.distribution}/{point.name}" if point.distribution else point.name
