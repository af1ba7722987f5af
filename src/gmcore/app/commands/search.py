"""Searching settings: every trial scored by cross-validation, the best one trained on all rows."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from gmcore.app.commands.fit import fit, whole_member
from gmcore.app.commands.session import alone, go, warn
from gmcore.app.composing.run import Run
from gmcore.app.records.profile import together
from gmcore.app.records.provenance import given_text, provenance, toml_text
from gmcore.app.records.results import Searched, trial_reports
from gmcore.app.searching.candidates import Candidate, Plan, members_of
from gmcore.app.searching.fleets import fleets_of
from gmcore.app.searching.renumbering import counted_through
from gmcore.domain import Cancellation, Hooks, SearchStart, TrialResult
from gmcore.errors import TrainingError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.files import write_whole
from gmcore.storage.run_folder import RunFolder
from gmcore.training.trials import score_trials

__all__ = ["epochs_done", "search", "search_in"]


def search(
    run: Run,
    plan: Plan,
    *,
    runs: Path | None = None,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> Searched:
    """Score every trial of a run's plan on every fold, and train the best one on all rows; arguments as for `train`.

    Raises:
        ConfigError: if a model of a trial takes more than the memory; nothing was written.
        Cancelled: if it was stopped; the run folder says so.
        TrainingError: if training failed, or every trial did; the run folder says so.
    """
    fleets_of(plan)
    folder = None
    if runs is not None:
        facts = provenance(run, "search", run.folds())
        folder = RunFolder.create(runs, f"{run.name}-search", config=given_text(run), provenance=facts)
    with alone(folder):
        return search_in(run, plan, folder, hooks=hooks, cancellation=cancellation, say=say)


def search_in(
    run: Run,
    plan: Plan,
    folder: RunFolder | None,
    *,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> Searched:
    """Do what `search` says in a folder that is there already and ours alone, from its last checkpoints if any."""
    begun, asked = time.perf_counter(), cancellation or Cancellation()

    def work(run_hooks: Hooks, checkpoints: Checkpoints | None) -> Searched:
        for call in run_hooks.search_start:
            call(SearchStart(trials=len(plan.candidates), members=plan.members))
        profiles: list[Mapping[str, float]] = []
        ranked = _ranked(plan, _scored(plan, run_hooks, asked, checkpoints, profiles))
        best = plan.candidates[ranked[0].index].run
        path = folder.path if folder else None
        if folder is not None:
            folder.write_json("trials.json", {"metric": plan.metric, "trials": trial_reports(ranked)})
        if ranked[0].failed:
            raise TrainingError(
                f"every trial failed, the first one because "
                f"{ranked[0].failure or f'its {plan.metric} is {ranked[0].value}'}"
            )
        if folder is not None:
            write_whole(folder.path / "best.toml", toml_text(best).encode())
        store = _within(checkpoints, "winner")
        task = best.task(counted_through(run_hooks, plan.members), asked, store)
        winner = fit(best, task, whole_member(best), folder=path)
        return Searched(
            metric=plan.metric,
            higher_is_better=plan.higher_is_better,
            trials=tuple(ranked),
            winner=winner,
            folder=path,
            seconds=time.perf_counter() - begun,
            profile=together([*profiles, winner.profile]),
        )

    return go(run, "search", folder, hooks, work, lambda done: done.winner.training, say)


def epochs_done(plan: Plan, checkpoints: Checkpoints) -> dict[tuple[int, ...], int]:
    """Return how many epochs of each chunk of a search its checkpoints hold, by the chunk's members."""
    done = {}
    for name, first, _ in _parts(plan):
        at = first
        for snapshot in attrs.evolve(checkpoints, folder=checkpoints.folder / name).latest():
            members = tuple(range(at, at + len(snapshot.members)))
            done[members], at = snapshot.epoch, at + len(members)
    return done


def _scored(
    plan: Plan,
    hooks: Hooks,
    cancellation: Cancellation,
    checkpoints: Checkpoints | None,
    profiles: list[Mapping[str, float]],
) -> Iterator[TrialResult]:
    """Yield how good each trial is, group after group, and add what the workflow measured of each group."""
    for name, first, group in _parts(plan):
        if not group:
            continue
        run = group[0].run
        task = run.task(counted_through(hooks, first), cancellation, _within(checkpoints, name))
        yield from score_trials(run.workflow, task, [one.trial for one in group], metric=plan.metric)
        profiles.append(run.workflow.metrics)
        run.workflow.close()


def _parts(plan: Plan) -> Iterator[tuple[str, int, tuple[Candidate, ...]]]:
    """Yield the fleets of a search: the folder of its checkpoints, its first member's number, and its trials."""
    at = 0
    for number, group in enumerate(plan.groups):
        yield f"group-{number:05d}", at, group
        at += members_of(group)
    yield "winner", at, ()


def _within(checkpoints: Checkpoints | None, name: str) -> Checkpoints | None:
    return checkpoints and attrs.evolve(checkpoints, folder=checkpoints.folder / name)


def _ranked(plan: Plan, trials: Iterable[TrialResult]) -> list[TrialResult]:
    """Return the trials, the best first and those that failed last; equally good ones in their own order."""
    sign = -1 if plan.higher_is_better else 1
    found = sorted(trials, key=lambda trial: trial.index)
    return sorted(found, key=lambda trial: (trial.failed, 0.0 if trial.failed else sign * trial.value))
