"""`gmcore plugins list`: every plugin that is installed, and what is wrong with which."""

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import say, table, write_json
from gmcore.registry import EntryInfo, plugin_registry

__all__ = ["command", "entries"]


@click.command("list")
@click.option(
    "--no-import", is_flag=True, help="Read metadata alone, which is quick but finds no plugin that won't load."
)
@as_json
def command(*, no_import: bool, as_json: bool) -> None:
    """Name every plugin that is installed: for which port, by whom, and whether it can be used.

    Each one is imported, to say whether it loads and else why; one that does not harms none of the others.
    """
    found = entries(check=False) if no_import else _checked()
    head = ("port", "name", "distribution", "version", "dtype", "state")
    say(table(head, [(i.port, i.name, i.distribution, i.version, i.dtype or "any", i.state) for i in found]))
    for info in found:
        if info.reason:
            say(f"\n{info.port} {info.name!r}: {info.reason}")
    if no_import:
        say("\nnone was imported: those that don't load are not known")
    if as_json:
        write_json({"plugins": [info._asdict() for info in found]})


def _checked() -> tuple[EntryInfo, ...]:
    from gmcore.cli.messages import messages_shown  # noqa: PLC0415 - what is not imported says nothing

    with messages_shown():
        return entries(check=True)


def entries(*, check: bool) -> tuple[EntryInfo, ...]:
    """Return what is installed for either dtype, each entry once."""
    found: dict[tuple[str, ...], EntryInfo] = {}
    for dtype in ("float32", "float64"):
        registry = plugin_registry(dtype)
        for info in registry.check() if check else registry.entries():
            found.setdefault((info.port, info.name, info.distribution, info.value, info.dtype), info)
    return tuple(found.values())
