"""A builder of components from the tables of a run file, which collects all problems before it raises."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar, cast

import attrs

from gmcore.errors import ConfigError, InputError
from gmcore.registry import PluginRegistry, Registry
from gmcore.registry.kinds import ports
from gmcore.registry.port_check import implements
from gmcore.registry.strict import name_wanted
from gmcore.registry.type_words import with_article

__all__ = ["Builder", "options_of"]

T = TypeVar("T")


def options_of(table: Mapping[str, object]) -> dict[str, object]:
    """Return the options in a component's table: all entries except `use`."""
    return {key: value for key, value in table.items() if key != "use"}


@attrs.define(kw_only=True)
class Builder:
    """Builds components and collects the problems of all of them.

    After a problem, a method returns None, which must not be used; `finish` then raises.

    Attributes:
        registry: registries in which names are looked up.
        seed: the run's seed, used for a component's option `seed` if its table does not set it.
        base: folder that relative paths start from; None for the current folder.
        problems: problems so far, each with its path.
    """

    registry: PluginRegistry
    seed: int = 0
    base: Path | None = None
    problems: list[str] = attrs.field(factory=list)

    def component(self, registry: Registry[T], given: object, path: str, *also: type) -> T:
        """Return a component.

        Args:
            registry: registry of its kind.
            given: a table with its name under `use` and its options, its name, or the component itself.
            path: path in the run file, for errors.
            also: ports that an object may implement instead of the port of its kind.
        """
        table = {"use": given} if isinstance(given, str) else given
        if not isinstance(table, Mapping):
            return self._object(registry, given, path, also)
        name = table.get("use")
        if not isinstance(name, str):
            self.problems.append(f"{path}.use: {name_wanted(table, registry)}")
            return _missing()
        factory = self.attempt(lambda: registry[name], f"{path}.use")
        if factory is None:
            return _missing()
        options = self._seeded(factory, options_of(table))
        return self.attempt(lambda: registry.build(name, options, path=path, base=self.base), path)

    def finish(self, source: str) -> None:
        """Raise if there are problems.

        Raises:
            ConfigError: with all problems.
        """
        if self.problems:
            raise ConfigError(dict.fromkeys(self.problems), source=source)

    def attempt(self, build: Callable[[], T], path: str) -> T:
        """Return the result of `build`; an `InputError` that it raises is added to the problems."""
        try:
            return build()
        except ConfigError as error:
            self.problems.extend(error.problems)
        except InputError as error:
            self.problems.append(f"{path}: {error}")
        return _missing()

    def _object(self, registry: Registry[T], given: object, path: str, also: tuple[type, ...]) -> T:
        port = ports()[registry.port]
        if isinstance(given, type):
            self.problems.append(f"{path}: must be an object, got the class {given.__name__}")
        elif any(implements(type(given), accepted) for accepted in (port, *also)):
            return cast("T", given)
        else:
            self.problems.append(
                f"{path}: must be the name of {with_article(registry.kind)}, a table with 'use', or an object that "
                f"implements {port.__name__}, got {given!r:.60}"
            )
        return _missing()

    def _seeded(self, factory: object, options: dict[str, object]) -> dict[str, object]:
        """Return a component's options, with the run's seed if it has an option `seed` that its table does not set."""
        fields = attrs.fields_dict(factory) if isinstance(factory, type) and attrs.has(factory) else {}
        return {"seed": self.seed, **options} if "seed" in fields else options


def _missing() -> T:  # type: ignore[type-var] # None in place of the component that could not be built
    return cast("T", None)
