"""`gmcore replay`: train a finished run again and compare, bit by bit."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from gmcore.app.commands.replay import Difference, Replayed, replay
from gmcore.cli.options import as_json, with_profile
from gmcore.cli.output import say, write_json
from gmcore.cli.profile import profile_table
from gmcore.cli.progress import progress
from gmcore.cli.signals import cancelled_by_signals
from gmcore.registry import plugin_registry

__all__ = ["command"]

_MANY = 10


@click.command("replay")
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--runs", type=click.Path(path_type=Path), metavar="DIR", help="Keep the new run in a folder under DIR.")
@click.option("--backend", metavar="NAME", help="Another backend than the run's.")
@with_profile
@as_json
@click.pass_context
def command(
    ctx: click.Context, folder: Path, runs: Path | None, backend: str | None, *, profile: bool, as_json: bool
) -> None:
    """Train the finished run in folder RUN again from its record, and say whether the same bits come out.

    The folder itself is only read. Exit status 0: the same bits; 1: others, with the first differences named.
    """
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


def _summary(done: Replayed) -> Iterator[str]:
    """Yield what came out, for people."""
    if done.same:
        yield f"the same bits: data, rows, epochs, weights and results ({done.seconds:.1f} s)"
    else:
        yield "not the same:"
        yield from _lines(done.differences, "")
    if done.made_of:
        yield "what it is made of changed:" + ("" if done.same else " bits may differ for that")
        yield from _lines(done.made_of, "" if done.same else ": bits may differ")
    elif not done.same:
        yield "what it is made of is recorded as the same: the cause is something else, such as a hook or the machine"
    if done.folder:
        yield f"run: {done.folder}"


def _profile(done: Replayed) -> str:
    """Return where the time went; what is neither training nor opening the data is in the rest."""
    if not done.profile:
        return "nothing was trained, so there is no profile"
    return profile_table(done.profile, done.seconds - done.profile["loading_seconds"])


def _lines(differences: Iterable[Difference], end: str) -> Iterator[str]:
    every = list(differences)
    for one in every[:_MANY]:
        yield f"  {one.what}: {_told(one.then)} then, {_told(one.now)} now{end}"
    if len(every) > _MANY:
        yield f"  and {len(every) - _MANY} more (--json has all)"


def _told(value: object) -> str:
    return "none" if value is None else str(value)
