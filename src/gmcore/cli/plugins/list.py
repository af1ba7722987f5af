"""`gmcore plugins list`: list the installed plugins and their state."""

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import say, table, write_json
from gmcore.registry import EntryInfo, plugin_registry

__all__ = ["command", "entries"]


@click.command("list")
@click.option(
    "--no-import", is_flag=True, help="Only read metadata: faster, but plugins that fail to load are not detected."
)
@as_json
def command(*, no_import: bool, as_json: bool) -> None:
    """List every installed plugin with its port, distribution and state.

    Each plugin is imported to find out whether it loads; one that fails does not affect the others.
    """
    found = entries(check=False) if no_import else _checked()
    head = ("port", "name", "distribution", "version", "dtype", "state")
    say(table(head, [(i.port, i.name, i.distribution, i.version, i.dtype or "any", i.state) for i in found]))
    for info in found:
        if info.reason:
            say(f"\n{info.port} {info.name!r}: {info.reason}")
    if no_import:
        say("\nplugins were not imported, so load errors are not shown")
    if as_json:
        write_json({"plugins": [info._asdict() for info in found]})


def _checked() -> tuple[EntryInfo, ...]:
    from gmcore.cli.messages import messages_shown  # imports `logging`, which --no-import avoids

    with messages_shown():
        return entries(check=True)


def entries(*, check: bool) -> tuple[EntryInfo, ...]:
    """Return the installed entries of both dtypes, each one once."""
    found: dict[tuple[str, ...], EntryInfo] = {}
    for dtype in ("float32", "float64"):
        registry = plugin_registry(dtype)
        for info in registry.check() if check else registry.entries():
            found.setdefault((info.port, info.name, info.distribution, info.value, info.dtype), info)
    return tuple(found.values())
