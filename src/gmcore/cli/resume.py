"""`gmcore resume`: resume a run that was stopped or killed."""

from pathlib import Path

import click

from gmcore.app import CrossValidated, Searched, Trained, resume
from gmcore.cli import search, train, validate
from gmcore.cli.options import as_json, with_profile
from gmcore.cli.output import say, write_json
from gmcore.cli.profile import profile_table
from gmcore.cli.progress import progress
from gmcore.cli.signals import cancelled_by_signals
from gmcore.registry import plugin_registry

__all__ = ["command"]


@click.command("resume")
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--backend", metavar="NAME", help="Backend to use instead of the run's.")
@click.option("--allow-changed-data", is_flag=True, help="Resume even if the data has changed.")
@with_profile
@as_json
def command(folder: Path, backend: str | None, *, allow_changed_data: bool, profile: bool, as_json: bool) -> None:
    """Resume the run in folder RUN from its last checkpoint; the result is that of an uninterrupted run."""
    with cancelled_by_signals() as cancellation:
        done = resume(
            folder,
            backend={"use": backend} if backend else None,
            allow_changed_data=allow_changed_data,
            hooks=progress(plugin_registry("float32")),
            cancellation=cancellation,
            say=say,
        )
    if isinstance(done, Searched):
        say(search.summary(done))
    else:
        say(train.summary(done) if isinstance(done, Trained) else validate.summary(done))
    if profile:
        say(profile_table(done.profile, done.seconds))
    if as_json:
        write_json(done.report)
    if isinstance(done, CrossValidated):
        click.get_current_context().exit(validate.exit_status(done))
