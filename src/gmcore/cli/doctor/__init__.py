"""`gmcore doctor`: report versions, backends with their devices, and broken plugins."""

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import write_json

__all__ = ["command"]


@click.command("doctor")
@click.option("--bench", is_flag=True, help="Measure the speed of each available device; takes 1-2 seconds each.")
@as_json
@click.pass_context
def command(ctx: click.Context, *, bench: bool, as_json: bool) -> None:
    """Print versions, each backend with its devices, and the plugins that fail to load.

    Every plugin is imported. The exit status is 1 if a plugin is broken or no device is available.
    """
    from gmcore.cli.doctor.report import report

    found, healthy = report(bench=bench)
    if as_json:
        write_json(found)
    ctx.exit(0 if healthy else 1)
