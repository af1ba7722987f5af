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
            self.problems.append(f"{path}.use: is required{did_you_mean('', registry)}")
            return None
        options = {key: value for key, value in table.items() if key != "use"}
        factory = self.attempt(lambda: registry[name], f"{path}.use")
        if factory is None:
            return None
        return self.attempt(
            lambda: registry.build(name, self._seeded(factory, options), path=path, base=self.base), path
        )

    def choice(self, known: Mapping[str, type[T]], table: Mapping[str, Any], path: str) -> T | None:
        """Return what `table["name"]` names among `known`, with the rest of the table for its options."""
        name = table.get("name")
        if not isinstance(name, str) or name not in known:
            self.problems.append(f"{path}.name: unknown name {name!r}{did_you_mean(str(name), known)}")
            return None
        options = {key: value for key, value in table.items() if key != "name"}
        return self.attempt(lambda: structure(options, known[name], path=path, base=self.base), path)

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
        except InputError as error:
            self.problems.append(f"{path}: {error}")
        return None

    def _seeded(self, factory: object, options: dict[str, Any]) -> dict[str, Any]:
        """Give a component that has a `seed` the run's, unless its table says another."""
        fields = attrs.fields_dict(factory) if isinstance(factory, type) and attrs.has(factory) else {}
        return {"seed": self.seed, **options} if "seed" in fields else options
