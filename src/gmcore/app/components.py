"""Names in a run file become objects, once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from gmcore.errors import ConfigError, InputError, did_you_mean
from gmcore.registry import PluginRegistry, Registry, structure

__all__ = ["Builder"]

T = TypeVar("T")


@attrs.define(kw_only=True)
class Builder:
    """Builds components and gathers what is wrong with all of them.

    Attributes:
        registry: where names are looked up.
        seed: what a component's own `seed` is, where it has one and the table does not say.
        base: what relative paths start from; None for the current folder.
        problems: so far, each with its path.
    """

    registry: PluginRegistry
    seed: int = 0
    base: Path | None = None
    problems: list[str] = attrs.field(factory=list)

    def component(self, registry: Registry[T], table: Mapping[str, Any], path: str) -> T | None:
        """Return the component that `table["use"]` names, with the rest of the table for its options."""
        name = table.get("use")
        if not isinstance(name, str):
            self.problems.append(f"{path}.use: the name of a {registry.port} is missing{did_you_mean('', registry)}")
            return None
        factory = self.attempt(lambda: registry[name], f"{path}.use")
        return None if factory is None else self.build(factory, table, path, named_by="use")

    def choice(self, known: Mapping[str, type[T]], table: Mapping[str, Any], path: str) -> T | None:
        """Return what `table["name"]` names among `known`, with the rest of the table for its options."""
        name = table.get("name")
        if not isinstance(name, str) or name not in known:
            self.problems.append(f"{path}.name: no {name!r} here{did_you_mean(str(name), known)}")
            return None
        return self.build(known[name], table, path, named_by="name")

    def build(self, factory: Callable[..., T], table: Mapping[str, Any], path: str, *, named_by: str) -> T | None:
        """Return `factory` called with the table's options, checked where the factory is an attrs class."""
        options = {key: value for key, value in table.items() if key != named_by}
        if not isinstance(factory, type) or not attrs.has(factory):
            return self.attempt(lambda: factory(**options), path)
        fields = {field.name for field in attrs.fields(factory) if field.init}
        if "seed" in fields:
            options.setdefault("seed", self.seed)
        return self.attempt(lambda: structure(options, factory, path=path, base=self.base), path)

    def finish(self, source: str) -> None:
        """Raise everything that was found wrong, if anything was.

        Raises:
            ConfigError: with every problem.
        """
        if self.problems:
            raise ConfigError(self.problems, source=source)

    def attempt(self, build: Callable[[], T], path: str) -> T | None:
        """Return what `build` returns, or None with what it raised among the problems."""
        try:
            return build()
        except ConfigError as error:
            self.problems.extend(error.problems)
        except (InputError, TypeError) as error:
            self.problems.append(f"{path}: {error}")
        return None
