"""A port's components by name: found, loaded when first used, and built."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from gmcore.errors import AmbiguousNameError, DuplicateNameError, PluginLoadError, UnknownNameError
from gmcore.registry.discovery import EntryPoint, normalise, scan
from gmcore.registry.entry import Entry, EntryInfo, State, owner

if TYPE_CHECKING:  # looking names up needs no paths
    from pathlib import Path

__all__ = ["Registry"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Registry(Mapping[str, Callable[..., T]], Generic[T]):
    """The components of one kind, by name: a read-only mapping from names to what builds them.

    A name is known from the metadata of installed distributions and imported when it is first
    looked up; iterating, `in`, `len`, `info` and `entries` import nothing. `distribution/name`
    works for every installed name, and is the only way where two distributions claim one; such
    names are iterated in the long form. All methods may be called from any thread.

    Args:
        kind: what errors call one of them, such as `"model provider"`.
        group: the entry-point group; empty for a registry that only knows what code registers.
        dtype: the dtype whose own group, `group.dtype`, counts too.
        bound: options that are the registry's own to give.
    """

    def __init__(
        self, kind: str, *, group: str = "", dtype: str = "", bound: Mapping[str, object] | None = None
    ) -> None:
        self.kind = kind
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

    # A mapping's own comparison would import every plugin.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __getitem__(self, name: str) -> Callable[..., T]:
        """Return what builds the component, imported if need be.

        Raises:
            UnknownNameError: if there is none of that name.
            AmbiguousNameError: if several distributions have one.
            PluginLoadError: if its plugin doesn't import.
        """
        try:
            return self._ready[name]
        except KeyError:
            pass
        component: Callable[..., T] = self._entry(name).load()
        self._ready[name] = component
        return component

    def __iter__(self) -> Iterator[str]:
        return iter(self._index())

    def __len__(self) -> int:
        return len(self._index())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and len(self._matches(name)) == 1

    def __repr__(self) -> str:
        return f"<Registry of {self.kind}s: {', '.join(self) or 'none'}>"

    def create(self, name: str, /, **options: object) -> T:
        """Return a new component with these options, as in `build`."""
        return self.build(name, options)

    def build(self, name: str, options: Mapping[str, object], *, path: str = "", base: Path | None = None) -> T:
        """Return a new component with the options of a run file's table.

        An attrs class gets its options checked strictly, as by `structure`; anything else is called
        with them as they are; what can't be called is the component itself and has no options.

        Args:
            name: which.
            options: its settings.
            path: where they stand in the run file, for errors.
            base: the folder that relative paths among them start from.

        Raises:
            ConfigError: if the options are not what the component takes; all problems at once.
            UnknownNameError, AmbiguousNameError, PluginLoadError: as when looking the name up.
        """
        from gmcore.registry.config import call  # noqa: PLC0415 - looking names up needs no cattrs

        component = self[name]
        built: T = call(component, options, bound=self.bound, path=path, base=base)
        return built

    @overload
    def register(self, name: str, factory: F) -> F: ...
    @overload
    def register(self, name: str) -> Callable[[F], F]: ...
    def register(self, name: str, factory: F | None = None) -> F | Callable[[F], F]:
        """Add a component under a name; without one it is a class decorator.

        Raises:
            DuplicateNameError: if the name is taken.
        """
        if factory is None:
            return lambda late: self.register(name, late)
        if not name or "/" in name:
            raise ValueError(f"a registered name can't be empty or contain '/', got {name!r}")
        with self._lock:
            if taken := self._matches(name):
                owners = " and ".join(owner(entry.point) for entry in taken)
                raise DuplicateNameError(
                    f"there is a {self.kind} named {name!r} already ({owners}): choose another name or unregister that"
                )
            self._registered[name] = Entry.of(name, factory, self.kind)
            self._names = None
        return factory

    def unregister(self, name: str) -> None:
        """Remove a name, be it registered in code or installed; this registry doesn't find it again.

        Raises:
            UnknownNameError, AmbiguousNameError: as when looking the name up.
        """
        with self._lock:
            entry = self._entry(name)
            if self._registered.pop(entry.point.name, None) is None:
                self._removed.add(entry.point)
            self._names = None
            self._ready.clear()

    def clear(self) -> None:
        """Remove all names; installed ones aren't found again either."""
        with self._lock:
            self._groups = {}
            self._registered.clear()
            self._names = None
            self._ready.clear()

    def info(self, name: str) -> EntryInfo:
        """Return what is known of a name, without importing it.

        Raises:
            UnknownNameError, AmbiguousNameError: as when looking the name up.
        """
        entry = self._entry(name)
        return self._info(entry, [entry])

    def entries(self) -> tuple[EntryInfo, ...]:
        """Return what is known of every entry, by name: also of broken and ambiguous ones."""
        names = self._by_name()
        return tuple(self._info(entry, names[name]) for name in sorted(names) for entry in names[name])

    def check(self) -> tuple[EntryInfo, ...]:
        """Import every entry and return what is known of each then."""
        for same in self._by_name().values():
            for entry in same:
                with suppress(PluginLoadError):
                    entry.load()
        return self.entries()

    def _info(self, entry: Entry, same: list[Entry]) -> EntryInfo:
        point = entry.point
        others = [other for other in same if other is not entry]
        state, reason = entry.state, entry.reason
        if others and not reason:
            claims = " and ".join(owner(other.point) for other in others)
            state, reason = State.AMBIGUOUS, f"{claims} has this name too: use {_long_name(point)!r}"
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
        """Return all entries by short name, after looking whether other distributions are installed by now."""
        with self._lock:
            points = scan() if self._groups else ()
            if self._names is None or points is not self._seen:
                mine = [point for point in self._mine(points) if point not in self._removed]
                self._installed = {point: self._installed.get(point) or Entry(point, self.kind) for point in mine}
                names: dict[str, list[Entry]] = {}
                for entry in (*self._registered.values(), *self._installed.values()):
                    names.setdefault(entry.point.name, []).append(entry)
                self._seen, self._names = points, names
            return self._names

    def _mine(self, points: tuple[EntryPoint, ...]) -> list[EntryPoint]:
        """Return this registry's entries; a distribution's entry for one dtype goes before its general one."""
        mine = [point for point in points if point.group in self._groups]
        own = {(point.distribution, point.name) for point in mine if self._groups[point.group]}
        return [p for p in mine if self._groups[p.group] or (p.distribution, p.name) not in own]

    def _index(self) -> dict[str, Entry]:
        """Return all entries by the name that works."""
        names = self._by_name()
        return {
            name if len(names[name]) == 1 else _long_name(entry.point): entry
            for name in sorted(names)
            for entry in names[name]
        }

    def _matches(self, name: str) -> list[Entry]:
        distribution, slash, short = name.rpartition("/")
        entries = self._by_name().get(short, [])
        if not slash:
            return entries
        return [entry for entry in entries if normalise(entry.point.distribution) == normalise(distribution)]

    def _entry(self, name: str) -> Entry:
        found = self._matches(name)
        if len(found) == 1:
            return found[0]
        if found:
            choices = " and ".join(f"{_long_name(entry.point)!r} ({owner(entry.point)})" for entry in found)
            raise AmbiguousNameError(f"several {self.kind}s are named {name!r}: use one of {choices}")
        from gmcore.registry.unknown import unknown_name  # noqa: PLC0415 - for mistakes alone

        elsewhere = [point for point in scan() if point.group.startswith(f"{self._group}.")] if self._groups else []
        raise UnknownNameError(unknown_name(name, self.kind, self._group, self.dtype, self._index(), elsewhere))


def _long_name(point: EntryPoint) -> str:
    return f"{point.distribution}/{point.name}" if point.distribution else point.name
