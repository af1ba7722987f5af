"""The check that another process can build the components of a run."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from gmcore.app.composing.run import Run
from gmcore.app.records.distributions import with_nested
from gmcore.app.records.provenance import training_tables
from gmcore.errors import ConfigError
from gmcore.ports import SupportsObjects
from gmcore.registry.entry import OBJECT, State, recorded_name

__all__ = ["check_engine"]


def check_engine(runs: Iterable[Run]) -> None:
    """Check that the engine of some runs, which is the same for all, can train with their components.

    Raises:
        ConfigError: if it trains in other processes, and a component can't be built there; with all problems.
    """
    problems: list[str] = []
    for run in runs:
        if isinstance(run.engine, SupportsObjects):
            return
        name = recorded_name(type(run.engine), run.registry).removeprefix(OBJECT)
        end = f"so the engine '{name}', which trains in other processes, can't build it"
        problems += [
            f'{path}: {what}, {end}: {remedy}, or set engine = "local"'
            for path, what, remedy in _problems(training_tables(run), "")
        ]
        problems += [
            f"{kind}: '{name}' is registered in this process alone, {end}: install it as a plugin, or set "
            'engine = "local"'
            for kind, name in _registered_in_code(run)
        ]
    if problems:
        raise ConfigError(dict.fromkeys(problems))


def _registered_in_code(run: Run) -> list[tuple[str, str]]:
    """Return kind and name of the run's components whose classes are registered in this process alone."""
    registry, found = run.registry, dict[tuple[str, str], None]()
    components = (*attrs.astuple(run.trainee, recurse=False), *run.metrics, run.chosen.backend)
    for kind in {type(part) for component in components for part in with_nested(component)}:
        name = registry.name_of(kind)
        if name is None:
            continue
        port = registry.kind_of(kind)
        assert port is not None  # noqa: S101 - it has a name in the registry of its kind
        if registry.registries[port].info(name).state is State.REGISTERED:
            found[port, name] = None
    return sorted(found)


def _problems(value: object, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield the path of each object that a file can't name or store, what it is, and what to do."""
    if isinstance(value, Mapping):
        name = value.get("use")
        if isinstance(name, str) and name.startswith(OBJECT):
            yield path, f"no registry names {name.removeprefix(OBJECT)}", "install its class as a plugin"
        for key, child in value.items():
            yield from _problems(child, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for place, child in enumerate(value):
            yield from _problems(child, f"{path}[{place}]")
    elif value is not None and not isinstance(value, str | bool | int | float | Path):
        yield path, f"a file can't store {value!r:.60}", "give it as numbers, text, lists or tables"
