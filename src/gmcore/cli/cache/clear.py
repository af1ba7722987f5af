"""`gmcore cache clear`: remove what is kept between runs."""

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import say, write_json
from gmcore.domain.sizes import size_text
from gmcore.storage.cached import cached, cached_as

__all__ = ["command"]


@click.command("clear")
@click.argument("names", nargs=-1, metavar="[CACHE]...")
@as_json
def command(*, names: tuple[str, ...], as_json: bool) -> None:
    """Remove what is kept between runs and no process uses: all of it, or only the caches of these names."""
    parts = [cached_as(name) for name in dict.fromkeys(names)] if names else cached()
    report = []
    for part in parts:
        removed, in_use = part.clear()
        report.append({"name": part.name, "removed_bytes": removed, "in_use_bytes": in_use})
        say(f"{part.name}: {_what_was_done(removed, in_use)}")
    if not report:
        say("nothing is kept")
    if as_json:
        write_json({"caches": report})


def _what_was_done(removed: int, in_use: int) -> str:
    if not removed and not in_use:
        return "nothing is kept"
    return f"removed {size_text(removed)}" + (f"; {size_text(in_use)} in use are kept" if in_use else "")
