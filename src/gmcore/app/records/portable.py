"""The options of a component that a model file may contain: all that name no path, no folder and no limit of a machine.

A file says how to read columns and how a model is built. Where a program reads, writes and deletes, and how much, is
decided by the person who runs it. So such options are neither written to a model file nor read from one: those whose
type is a path, and those whose field has the metadata `{"local": True}`.
"""

import typing
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import attrs

from gmcore.errors import InputError
from gmcore.registry import PluginRegistry, Registry

__all__ = ["is_local", "portable"]


def portable(table: Mapping[str, object], kinds: Registry[Any], plugins: PluginRegistry) -> dict[str, object]:
    """Return a component's table without the options that a model file may not contain.

    The tables of components in its options are treated alike. A table without the name of a known component is
    returned as it is.

    Args:
        table: the name of the component under `use`, and its options.
        kinds: the registry of its kind.
        plugins: the registries of the components in its options.
    """
    name = table.get("use")
    try:
        kind = kinds[name] if isinstance(name, str) else None
    except InputError:  # building it reports the unknown name
        return dict(table)
    if not isinstance(kind, type) or not attrs.has(kind):
        return dict(table)
    return {"use": name, **_options_of(kind, table, plugins)} if "use" in table else {}


def is_local(field: "attrs.Attribute[object]") -> bool:
    """Return whether an option concerns the machine: a path, or one that its class marks as local.

    Args:
        field: a field of a class whose types are resolved.
    """
    types = (field.type, field.metadata.get("accepts"))
    paths = any(isinstance(one, type) and issubclass(one, PurePath) for kind in types for one in _parts(kind))
    return paths or bool(field.metadata.get("local"))


def _options_of(kind: type, options: Mapping[str, object], plugins: PluginRegistry) -> dict[str, object]:
    attrs.resolve_types(kind)
    fields = {field.alias: field for field in attrs.fields(kind)}
    kept = {key: value for key, value in options.items() if key != "use"}
    kept = {key: value for key, value in kept.items() if key not in fields or not is_local(fields[key])}
    return {key: _within(value, fields[key], plugins) if key in fields else value for key, value in kept.items()}


def _within(value: object, field: "attrs.Attribute[object]", plugins: PluginRegistry) -> object:
    """Return the value of an option without local options of the components and tables in it."""
    kinds = [one for kind in (field.type, field.metadata.get("accepts")) for one in _parts(kind)]
    registries = [registry for port, registry in plugins.by_port.items() if port in kinds]
    tables = [one for one in kinds if isinstance(one, type) and attrs.has(one)]
    return _cleaned(value, registries, tables, plugins)


def _cleaned(value: object, kinds: list[Registry[Any]], tables: list[type], plugins: PluginRegistry) -> object:
    if isinstance(value, list | tuple):
        return [_cleaned(one, kinds, tables, plugins) for one in value]
    if not isinstance(value, Mapping):
        return value
    if isinstance(value.get("use"), str):
        registry = next((one for one in kinds if value["use"] in one), None)
        return value if registry is None else portable(value, registry, plugins)
    table = next((one for one in tables if set(value) <= {field.alias for field in attrs.fields(one)}), None)
    if table is not None:
        return _options_of(table, value, plugins)
    # A mapping of components or tables; a table with an unknown option is refused when it is built.
    return {key: _cleaned(one, kinds, tables, plugins) for key, one in value.items()}


def _parts(kind: object) -> Iterator[object]:
    """Yield a type and all types in it: of `Path | tuple[Path, ...]`, among others, `Path`."""
    yield typing.get_origin(kind) or kind
    for part in typing.get_args(kind):
        yield from _parts(part)
