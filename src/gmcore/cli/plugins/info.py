"""`gmcore plugins info`: what a plugin is and which options it has."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import attrs
import click

import gmcore
from gmcore.cli.options import as_json
from gmcore.cli.output import say, table, write_json
from gmcore.errors import UnknownNameError, did_you_mean
from gmcore.registry import EntryInfo

__all__ = ["command"]


@attrs.frozen(kw_only=True)
class Option:
    """What a run file may say of a component.

    Attributes:
        name: the key.
        type: as the class spells it.
        default: as Python spells it; empty where the option is required.
        description: from the class's docstring.
    """

    name: str
    type: str
    default: str
    description: str


@click.command("info")
@click.argument("name")
@as_json
def command(name: str, *, as_json: bool) -> None:
    """Say what the plugin NAME is, who brings it and which options it has, for each port that has the name.

    The plugin is imported. Where several distributions have the name, DISTRIBUTION/NAME says which.
    """
    found = list(_found(name))
    if not found:
        known = {info.name for registry in (gmcore.float32, gmcore.float64) for info in registry.entries()}
        raise UnknownNameError(f"no plugin named {name!r}{did_you_mean(name, known)}")
    for info, component in found:
        say(_text(info, component))
    if as_json:
        write_json({"plugins": [_report(info, component) for info, component in found]})


def _found(name: str) -> Iterator[tuple[EntryInfo, Any]]:
    seen = set()
    for plugins in (gmcore.float32, gmcore.float64):
        for port, registry in plugins.registries.items():
            if name in registry and port not in seen:
                seen.add(port)
                yield registry.info(name), registry[name]


def _text(info: EntryInfo, component: Any) -> str:
    options = [(one.name, one.type, one.default or "(required)", one.description) for one in _options(component)]
    return "\n".join(
        [
            f"{info.port} {info.name!r}, {info.distribution} {info.version} ({info.value})",
            f"{_summary(component)}\n",
            table(("option", "type", "default", ""), options) if options else "no options",
            "",
        ]
    )


def _report(info: EntryInfo, component: Any) -> dict[str, object]:
    options = [attrs.asdict(option) for option in _options(component)]
    return {**attrs.asdict(info), "description": _summary(component), "options": options}


def _summary(component: Any) -> str:
    return (inspect.getdoc(component) or "").partition("\n\n")[0]


def _options(component: Any) -> Iterator[Option]:
    if not attrs.has(component):
        return
    descriptions = _descriptions(inspect.getdoc(component) or "")
    for field in attrs.fields(component):
        if field.init:
            yield Option(
                name=field.alias or field.name,
                type=_type(field.type),
                default=_default(field.default),
                description=descriptions.get(field.name, ""),
            )


def _type(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else re.sub(r"\b\w+\.", "", str(annotation))


def _default(default: Any) -> str:
    if default is attrs.NOTHING:
        return ""
    return repr(default.factory() if isinstance(default, attrs.Factory) else default)  # type: ignore[arg-type]


def _descriptions(text: str) -> dict[str, str]:
    """Return what a docstring's `Attributes:` section says of each name, on one line."""
    section = re.search(r"^Attributes:\n((?:[ \t].*\n?|\n)*)", text, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1] if section else "", re.MULTILINE)
    return {name: re.sub(r"\s+", " ", description) for name, description in entries}
