"""`gmcore cache list`: what is kept between runs, and its size."""

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import say, table, write_json
from gmcore.domain.sizes import size_text
from gmcore.storage.cached import cached

__all__ = ["command"]


@click.command("list")
@as_json
def command(*, as_json: bool) -> None:
    """List what is kept between runs, by what made it, with its size and its folder."""
    found = [(part.name, part.size(), str(part.folder)) for part in cached()]
    if found:
        say(table(("cache", "size", "folder"), [(name, size_text(size), folder) for name, size, folder in found]))
    else:
        say("nothing is kept")
    if as_json:
        write_json({"caches": [{"name": name, "bytes": size, "folder": folder} for name, size, folder in found]})
