"""`gmcore search`: search for the best settings and train a model with them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gmcore.cli.options import as_json, with_engine, with_profile
from gmcore.cli.output import inline, say, table, write_json
from gmcore.cli.paths import run_file, runs_folder

if TYPE_CHECKING:
    from gmcore.app import Searched
    from gmcore.domain import TrialResult

__all__ = ["command", "summary"]

_SHOWN = 20


@click.command("search")
@run_file
@runs_folder
@with_engine
@with_profile
@as_json
def command(run: Path, runs: Path, engine: str | None, *, profile: bool, as_json: bool) -> None:
    """Try the settings under [search] in the file RUN, and train a model with the best ones on all rows.

    Each trial is scored by the run's cross-validation; trials of equal shapes train at once.
    """
    from gmcore.app import open_run, plan_of, search
    from gmcore.cli.describe import describe, describe_plan
    from gmcore.cli.profile import profile_table
    from gmcore.cli.progress import progress
    from gmcore.cli.signals import cancelled_by_signals

    opened = open_run(run, command="search", settings={"engine": engine} if engine else None)
    plan = plan_of(opened)
    with cancelled_by_signals() as cancellation:
        say(describe(opened))
        say(f"{describe_plan(plan)}\n")
        done = search(opened, plan, runs=runs, hooks=progress(opened.registry), cancellation=cancellation, say=say)
    say(summary(done))
    if profile:
        say(profile_table(done.profile, done.seconds))
    if as_json:
        write_json(done.report)


def summary(done: "Searched") -> str:
    """Return the ranking of the trials and the output paths as text."""
    paths = list(done.best.settings)
    head = ("rank", *_short(paths), done.metric, "", "epochs")
    rows = [
        (rank, *(inline(trial.settings[path]) for path in paths), *_score(trial))
        for rank, trial in enumerate(done.trials[:_SHOWN], start=1)
    ]
    more = len(done.trials) - _SHOWN
    failures = [(rank, trial) for rank, trial in enumerate(done.trials, start=1) if trial.failure]
    return "\n".join(
        [
            table(head, rows),
            *([f"and {more} more"] if more > 0 else []),
            *(f"rank {rank} failed: {trial.failure}" for rank, trial in failures[:1]),
            "",
            f"best: {_best(done)}",
            f"{len(done.trials)} trials in {done.seconds:.1f} s",
            *(
                [f"model: {done.folder / 'model.safetensors'}", f"run file: {done.folder / 'best.toml'}"]
                if done.folder
                else []
            ),
        ]
    )


def _best(done: "Searched") -> str:
    """Return the score of the best trial, with its standard deviation over folds, and its settings."""
    best = done.best
    settings = ", ".join(f"{path} = {inline(value)}" for path, value in best.settings.items())
    return f"{done.metric} {best.value:.4g} ± {best.std[done.metric]:.4g} with {settings}"


def _score(trial: "TrialResult") -> tuple[object, ...]:
    if trial.failed:
        return "failed", "", ""
    return trial.value, f"± {trial.std[trial.metric]:.4f}", f"{trial.epochs.mean():.1f}"


def _short(paths: list[str]) -> list[str]:
    """Return the last part of each path, or the whole path if the last part is ambiguous."""
    last = [path.rpartition(".")[2] for path in paths]
    return [name if last.count(name) == 1 else path for name, path in zip(last, paths, strict=True)]
