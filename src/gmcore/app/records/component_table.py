"""The tables of components for files, and the check that a model file can store them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType

import attrs

from gmcore.app.composing.metrics import FunctionMetric
from gmcore.app.records.portable import is_local
from gmcore.registry import PluginRegistry, unstructure
from gmcore.registry.entry import OBJECT, recorded_name

__all__ = ["component_table", "is_path", "recorded", "save_problems"]


def component_table(component: object, registry: PluginRegistry) -> dict[str, object]:
    """Return the table that builds an equal component: its registered name under `use`, and all options.

    Paths are absolute. The name of a class that is not registered is `"object"` and the path of the class.
    """
    kind = type(component)
    if isinstance(component, FunctionMetric):
        return {"use": f"{OBJECT}{component.function.__module__}.{component.function.__qualname__}"}
    if not attrs.has(kind):
        return {"use": recorded_name(kind, registry)}
    options = {field.alias: getattr(component, field.name) for field in attrs.fields(kind) if field.init}
    # Relative paths start from the run file's folder, and the table is written to another folder.
    paths = {name: _absolute(value) for name, value in options.items() if is_path(value)}
    return {"use": recorded_name(kind, registry), **unstructure(component, registry), **paths}


def recorded(tables: Mapping[str, object], registry: PluginRegistry) -> dict[str, object]:
    """Return the tables of a run after replacing each object by a table with its name."""
    return {name: _recorded(value, registry) for name, value in tables.items()}


def _recorded(value: object, registry: PluginRegistry) -> object:
    if isinstance(value, Mapping):
        return recorded(value, registry)
    if isinstance(value, list | tuple):
        return [_recorded(one, registry) for one in value]
    if value is None or isinstance(value, str | int | float | Path):
        return value
    if isinstance(value, FunctionType):
        return {"use": f"{OBJECT}{value.__module__}.{value.__qualname__}"}
    # Without options: those of a data provider in code are its rows.
    return {"use": component_table(value, registry)["use"]}


def save_problems(component: object, registry: PluginRegistry, path: str) -> Iterator[str]:
    """Yield why a model file can't name a component, and so could not be loaded: unregistered classes, values not JSON.

    Args:
        component: the component, with all components in its options.
        registry: where their names are looked up.
        path: where it is in a run file, for messages.
    """
    kind = type(component)
    if registry.is_component(kind) and registry.name_of(kind) is None:
        name = kind.__qualname__.rpartition(".")[2]
        yield (
            f"{path}: {kind.__module__}.{kind.__qualname__} is not registered, so a saved model could not be loaded: "
            f"call gmcore.{registry.dtype}.{registry.kind_of(kind)}.register('{name.lower()}', {name}) first"
        )
    if attrs.has(kind):
        for field in attrs.fields(attrs.resolve_types(kind)):
            if field.init:
                yield from _option_problems(component, field, registry, f"{path}.{field.alias}")
    elif isinstance(component, Mapping):
        for key, value in component.items():
            yield from save_problems(value, registry, f"{path}.{key}")
    elif isinstance(component, list | tuple):
        for place, value in enumerate(component):
            yield from save_problems(value, registry, f"{path}[{place}]")
    elif not registry.is_component(kind) and not isinstance(component, Path) and not _fits_json(component):
        yield f"{path}: can't be stored in a model file: must be numbers, text, lists or tables, got {component!r:.60}"


def _option_problems(
    component: object, field: "attrs.Attribute[object]", registry: PluginRegistry, path: str
) -> Iterator[str]:
    """Yield why a model file can't store an option; one that concerns the machine is left out of the file."""
    if not is_local(field):
        yield from save_problems(getattr(component, field.name), registry, path)
    elif field.default is attrs.NOTHING:
        yield (
            f"{path}: is required, but a model file names no paths or limits of a machine, so a saved model could not "
            "be loaded: give the option a default"
        )


def is_path(value: object) -> bool:
    """Return whether an option is a path or a tuple of paths."""
    return isinstance(value, Path) or (isinstance(value, tuple) and bool(value) and all(map(is_path, value)))


def _absolute(path: object) -> object:
    if isinstance(path, Path):
        return str(path.resolve())
    assert isinstance(path, tuple)  # noqa: S101 - checked by is_path
    return [_absolute(element) for element in path]


def _fits_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
