"""`gmcore cache clear`: remove what is kept between runs."""

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import say, write_json
from gmcore.domain.sizes import size_text
from gmcore.errors import InputError, did_you_mean
from gmcore.storage.cached import cached

__all__ = ["command"]


@click.command("clear")
@click.argument("names", nargs=-1, metavar="[CACHE]...")
@as_json
def command(*, names: tuple[str, ...], as_json: bool) -> None:
    """Remove what is kept between runs and no process uses: all of it, or only the caches of these names."""
    parts = {part.name: part for part in cached()}
    unknown = next((name for name in names if name not in parts), None)
    if unknown is not None:
        raise InputError(f"no cache named '{unknown}'{did_you_mean(unknown, parts)}")
    report = []
    for name in names or parts:
        removed, in_use = parts[name].clear()
        report.append({"name": name, "removed_bytes": removed, "in_use_bytes": in_use})
        kept = f"; {size_text(in_use)} in use are kept" if in_use else ""
        say(f"{name}: removed {size_text(removed)}{kept}")
    if not report:
        say("nothing is kept")
    if as_json:
        write_json({"caches": report})
