"""`gmcore plugins info`: what a plugin is and which options it has."""

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import attrs
import click

import gmcore
from gmcore.cli.messages import messages_shown
from gmcore.cli.options import as_json
from gmcore.cli.output import say, write_json
from gmcore.domain.plain import plain
from gmcore.errors import UnknownNameError, did_you_mean
from gmcore.registry import EntryInfo, Registry

__all__ = ["command"]


@attrs.frozen(kw_only=True)
class _Option:
    """What a run file may say of a component; `default` is as JSON has it."""

    name: str
    type: str
    required: bool
    default: object
    description: str


@attrs.frozen(kw_only=True)
class _Plugin:
    """A component, as people and programs want to know it."""

    entry: EntryInfo
    description: str
    options: tuple[_Option, ...]


@click.command("info")
@click.argument("name")
@as_json
def command(name: str, *, as_json: bool) -> None:
    """Say what the plugin NAME is, who brings it and which options it has, for each port that has the name.

    The plugin is imported. Where several distributions have the name, DISTRIBUTION/NAME says which.
    """
    both = (gmcore.float64, gmcore.float32)
    registries = {port: one for plugins in both for port, one in plugins.registries.items() if _has(one, name)}
    if not registries:
        known = {info.name for plugins in both for info in plugins.entries()}
        raise UnknownNameError(f"no plugin named {name!r}{did_you_mean(name, known)}")
    with messages_shown():
        found = [_plugin(registry, name) for registry in registries.values()]
    say("\n".join(map(_text, found)))
    if as_json:
        write_json({"plugins": [_report(one) for one in found]})


def _has(registry: Registry[Any], name: str) -> bool:
    """Return whether a name is there; an ambiguous one is, so that looking it up says how to tell them apart."""
    return name in registry or any(info.name == name for info in registry.entries())


def _plugin(registry: Registry[Any], name: str) -> _Plugin:
    component = registry[name]
    text = inspect.getdoc(component) or ""
    options = tuple(option for option in _options(component, text) if option.name not in registry.bound)
    return _Plugin(entry=registry.info(name), description=text.partition("\n\n")[0], options=options)


def _options(component: Any, text: str) -> Iterator[_Option]:
    descriptions = _descriptions(text)
    for field in attrs.fields(component) if attrs.has(component) else ():
        if field.init:
            yield _Option(
                name=field.alias,
                type=_type(field.type),
                required=field.default is attrs.NOTHING,
                default=_default(field.default),
                description=descriptions.get(field.name, ""),
            )


def _type(annotation: Any) -> str:
    if isinstance(annotation, type):
        return annotation.__name__
    text = re.sub(r"\b\w+\.", "", str(annotation))
    return re.sub(r"Literal\[(.*?)\]", lambda found: found[1].replace(", ", " | ").replace("'", '"'), text)


def _default(default: Any) -> object:
    value = default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]
    return None if value is attrs.NOTHING else plain(value)


def _descriptions(text: str) -> dict[str, str]:
    """Return what a docstring's `Attributes:` section says of each name, on one line."""
    section = re.search(r"^Attributes:\n((?:[ \t].*\n?|\n)*)", text, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1] if section else "", re.MULTILINE)
    return {name: re.sub(r"\s+", " ", description) for name, description in entries}


def _text(plugin: _Plugin) -> str:
    entry = plugin.entry
    head = f"{entry.port} {entry.name!r}, {entry.distribution} {entry.version} ({entry.value})"
    options = "\n".join(map(_paragraph, plugin.options)) or "  it has no options"
    return f"{head}\n{plugin.description}\n\n{options}\n"


def _report(plugin: _Plugin) -> dict[str, object]:
    return {**plugin.entry._asdict(), "description": plugin.description, "options": plugin.options}


def _paragraph(option: _Option) -> str:
    default = "" if option.default is None else f" = {json.dumps(option.default)}"
    body = click.formatting.wrap_text(option.description, initial_indent="      ", subsequent_indent="      ")
    return f"  {option.name}{' (required)' if option.required else default}: {option.type}\n{body}"
