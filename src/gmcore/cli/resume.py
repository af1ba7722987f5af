"""`gmcore resume`: resume a run that was stopped or killed."""

from pathlib import Path

import click

from gmcore.cli.options import as_json, with_engine, with_profile
from gmcore.cli.output import say, write_json
from gmcore.cli.paths import chosen_run, latest_run, runs_to_search

__all__ = ["command"]


@click.command("resume")
@click.argument("folder", metavar="RUN", required=False, type=click.Path(path_type=Path))
@latest_run
@runs_to_search
@click.option("--backend", metavar="NAME", help="Backend to use instead of the run's.")
@with_engine
@click.option("--allow-changed-data", is_flag=True, help="Resume even if the data has changed.")
@with_profile
@as_json
def command(
    folder: Path | None,
    runs: Path,
    backend: str | None,
    engine: str | None,
    *,
    latest: bool,
    allow_changed_data: bool,
    profile: bool,
    as_json: bool,
) -> None:
    """Resume the run in folder RUN from its last checkpoint; the result is that of an uninterrupted run.

    RUN can also be the name of a run, such as breast_cancer, or of its folder; --latest in its place is the newest run
    that can be resumed.
    """
    from gmcore.app import CrossValidated, Searched, Trained, resume
    from gmcore.app.commands.resume import RESUMABLE
    from gmcore.cli import search, train, validate
    from gmcore.cli.profile import profile_table
    from gmcore.cli.progress import progress
    from gmcore.cli.signals import cancelled_by_signals
    from gmcore.registry import plugin_registry

    folder = chosen_run(folder, RESUMABLE, latest=latest, argument="RUN", runs=runs)
    with cancelled_by_signals() as cancellation:
        done = resume(
            folder,
            backend={"use": backend} if backend else None,
            engine=engine,
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
