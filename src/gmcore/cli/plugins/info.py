"""`gmcore plugins info`: describe a plugin and its options."""

import inspect
import json
import re
import types
import typing
from collections.abc import Iterator

import attrs
import click

from gmcore.cli.messages import messages_shown
from gmcore.cli.options import as_json
from gmcore.cli.output import say, write_json
from gmcore.domain.plain import plain
from gmcore.errors import UnknownNameError, did_you_mean
from gmcore.registry import EntryInfo, Registry, plugin_registry, unstructure

__all__ = ["command"]


@attrs.frozen(kw_only=True)
class _Option:
    """An option of a component; `default` is a JSON value."""

    name: str
    type: str
    required: bool
    default: object
    description: str


@attrs.frozen(kw_only=True)
class _Plugin:
    """A component with its description and options."""

    entry: EntryInfo
    description: str
    options: tuple[_Option, ...]


@click.command("info")
@click.argument("name")
@as_json
def command(name: str, *, as_json: bool) -> None:
    """Describe the plugin NAME: its distribution and options, for each port that has a plugin of that name.

    The plugin is imported. If several distributions provide the name, use DISTRIBUTION/NAME.
    """
    both = (plugin_registry("float64"), plugin_registry("float32"))
    registries = {port: one for plugins in both for port, one in plugins.registries.items() if _contains(one, name)}
    if not registries:
        known = {info.name for plugins in both for info in plugins.entries()}
        raise UnknownNameError(f"no plugin named {name!r}{did_you_mean(name, known)}")
    with messages_shown():
        found = [_plugin(registry, name) for registry in registries.values()]
    say("\n".join(map(_text, found)))
    if as_json:
        write_json({"plugins": [_report(one) for one in found]})


def _contains(registry: Registry[object], name: str) -> bool:
    """Return whether a name is registered or ambiguous; looking up an ambiguous name raises an error that explains."""
    return name in registry or any(info.name == name for info in registry.entries())


def _plugin(registry: Registry[object], name: str) -> _Plugin:
    component = registry[name]
    text = inspect.getdoc(component) or ""
    options = tuple(option for option in _options(component, text) if option.name not in registry.bound)
    return _Plugin(entry=registry.info(name), description=text.partition("\n\n")[0], options=options)


def _options(component: object, text: str) -> Iterator[_Option]:
    descriptions = _descriptions(text)
    for field in attrs.fields(component) if isinstance(component, type) and attrs.has(component) else ():
        if field.init:
            yield _Option(
                name=field.alias,
                type=_type(field.type),
                required=field.default is attrs.NOTHING,
                default=_default(field.default),
                description=descriptions.get(field.name, ""),
            )


def _type(annotation: object) -> str:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return "None" if annotation is types.NoneType else annotation.__name__
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return " | ".join(map(_type, typing.get_args(annotation)))
    text = re.sub(r"\b\w+\.", "", str(annotation))
    return re.sub(r"Literal\[(.*?)\]", lambda found: found[1].replace(", ", " | ").replace("'", '"'), text)


def _default(default: object) -> object:
    """Return a default as JSON has it; a component as its name, or as its table if it has options."""
    value = default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type, attr-defined]
    if attrs.has(type(value)) and plugin_registry("float32").name_of(type(value)):
        table = unstructure(value, plugin_registry("float32"))
        return table if len(table) > 1 else table["use"]
    return None if value is attrs.NOTHING else plain(value)


def _descriptions(text: str) -> dict[str, str]:
    """Return the entries of a docstring's `Attributes:` section by name, each on one line."""
    section = re.search(r"^Attributes:\n((?:[ \t].*\n?|\n)*)", text, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1] if section else "", re.MULTILINE)
    return {name: re.sub(r"\s+", " ", description) for name, description in entries}


def _text(plugin: _Plugin) -> str:
    entry = plugin.entry
    head = f"{entry.port} {entry.name!r}, {entry.distribution} {entry.version} ({entry.value})"
    options = "\n".join(map(_paragraph, plugin.options)) or "  no options"
    return f"{head}\n{plugin.description}\n\n{options}\n"


def _report(plugin: _Plugin) -> dict[str, object]:
    return {**plugin.entry._asdict(), "description": plugin.description, "options": plugin.options}


def _paragraph(option: _Option) -> str:
    default = "" if option.default is None else f" = {json.dumps(option.default)}"
    body = click.formatting.wrap_text(option.description, initial_indent="      ", subsequent_indent="      ")
    return f"  {option.name}{' (required)' if option.required else default}: {option.type}\n{body}"
