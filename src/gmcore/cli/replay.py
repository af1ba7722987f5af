"""`gmcore replay`: train a finished run again and compare the results bit by bit."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gmcore.cli.options import as_json, with_profile
from gmcore.cli.output import say, write_json
from gmcore.cli.paths import chosen_run, latest_run

if TYPE_CHECKING:
    from gmcore.app.commands.replay import Difference, Replayed

__all__ = ["command"]

_SHOWN = 10


@click.command("replay")
@click.argument("folder", metavar="RUN", required=False, type=click.Path(path_type=Path))
@latest_run
@click.option("--runs", type=click.Path(path_type=Path), metavar="DIR", help="Keep the new run, in a folder under DIR.")
@click.option("--backend", metavar="NAME", help="Backend to use instead of the run's.")
@with_profile
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path | None,
    runs: Path | None,
    backend: str | None,
    *,
    latest: bool,
    profile: bool,
    as_json: bool,
) -> None:
    """Train the finished run in folder RUN again from its record, and report whether the results are bit-identical.

    RUN can also be the name of a run in the folder runs, or of its folder; --latest in its place is the newest run
    that can be replayed. The folder is only read. Exit status 0: bit-identical; 1: different, and the first
    differences are printed.
    """
    from gmcore.app.commands.replay import REPLAYABLE, replay
    from gmcore.cli.progress import progress
    from gmcore.cli.signals import cancelled_by_signals
    from gmcore.registry import plugin_registry

    folder = chosen_run(folder, REPLAYABLE, latest=latest, argument="RUN")
    with cancelled_by_signals() as cancellation:
        done = replay(
            folder,
            runs=runs,
            backend={"use": backend} if backend else None,
            hooks=progress(plugin_registry("float32")),
            cancellation=cancellation,
            say=say,
        )
    say("\n".join(_summary(done)))
    if profile:
        say(_profile(done))
    if as_json:
        write_json(done.report)
    ctx.exit(0 if done.same else 1)


def _summary(done: "Replayed") -> Iterator[str]:
    """Yield the lines of the summary."""
    if done.same:
        yield f"bit-identical: data, rows, epochs, weights and results ({done.seconds:.1f} s)"
    else:
        yield "the runs differ:"
        yield from _lines(done.differences)
    if done.made_of:
        yield "the environment differs" + (":" if done.same else ", which may be the cause:")
        yield from _lines(done.made_of)
    elif not done.same:
        yield "the recorded environments are equal: the cause is something else, such as a hook or the machine"
    if done.folder:
        yield f"run: {done.folder}"


def _profile(done: "Replayed") -> str:
    """Return the profile; the time of the comparison is part of `other`."""
    from gmcore.cli.profile import profile_table

    if not done.profile:
        return "nothing was trained, so there is no profile"
    return profile_table(done.profile, done.seconds - done.profile["loading_seconds"])


def _lines(differences: "Iterable[Difference]") -> Iterator[str]:
    every = list(differences)
    for one in every[:_SHOWN]:
        yield f"  {one.what}: {_text(one.then)} then, {_text(one.now)} now"
    if len(every) > _SHOWN:
        yield f"  and {len(every) - _SHOWN} more (--json has all)"


def _text(value: object) -> str:
    return "none" if value is None else str(value)
