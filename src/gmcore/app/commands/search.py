"""The command `search`: scores every trial by cross-validation and trains a model with the best settings."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from gmcore.app.commands.best_model import best_model_kept
from gmcore.app.commands.fit import check_can_save, fit, whole_member
from gmcore.app.commands.results_so_far import ranked, trials_kept
from gmcore.app.commands.session import Session, locked, run_session, warn
from gmcore.app.composing.run import Run
from gmcore.app.records.profile import merged_profile
from gmcore.app.records.provenance import given_text, provenance, toml_text
from gmcore.app.records.results import Searched, trial_reports
from gmcore.app.searching.candidates import Candidate, Plan, members_of
from gmcore.app.searching.fleets import fleets_of
from gmcore.app.searching.renumbering import renumbered
from gmcore.domain import Cancellation, Hooks, SearchStart, TrialResult
from gmcore.errors import TrainingError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.files import write_whole
from gmcore.storage.run_folder import RunFolder
from gmcore.training.finished import finished_trials
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
    """Score every trial of the plan on every fold, and train the best one on all rows except the test rows.

    Arguments as for `train`.

    Raises:
        ConfigError: if a model of a trial does not fit the memory or can't be saved; nothing has been written.
        Cancelled: if the run was stopped; the run folder records it, and has the scores of the trials that had ended.
        TrainingError: if training or all trials failed; the run folder records it.
    """
    fleets_of(plan)
    folder = None
    if runs is not None:
        for candidate in plan.candidates:
            check_can_save(candidate.run)
        facts = provenance(run, "search", run.folds())
        folder = RunFolder.create(runs, f"{run.name}-search", config=given_text(run), provenance=facts)
    with locked(folder):
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
    """Search in an existing, locked folder, and resume from its last checkpoints if it has any."""
    start, stop = time.perf_counter(), cancellation or Cancellation()
    with run_session(run, "search", folder, hooks=hooks, say=say) as session:
        session.hooks.emit(SearchStart(trials=len(plan.candidates), members=plan.members))
        profiles: list[Mapping[str, float]] = []
        scored: list[TrialResult] = []
        with trials_kept(plan, session, lambda: [*scored, *_finished(plan, session, scored)]):
            scored.extend(_scored(plan, session, stop, profiles))
        trials = ranked(plan, scored)
        best = plan.candidates[trials[0].index].run
        if folder is not None:
            folder.write_json("trials.json", {"metric": plan.metric, "trials": trial_reports(trials)})
        _check_best(plan, trials[0])
        if folder is not None:
            write_whole(folder.path / "best.toml", toml_text(best).encode())
        store = _subfolder(session.checkpoints, "winner")
        task = best.task(renumbered(session.hooks, plan.members), stop, store)
        with contextlib.closing(best.workflow), best_model_kept(best, session.path, store):
            winner = fit(best, task, whole_member(best), folder=session.path)
        done = Searched(
            metric=plan.metric,
            higher_is_better=plan.higher_is_better,
            trials=tuple(trials),
            winner=winner,
            folder=session.path,
            seconds=time.perf_counter() - start,
            profile=merged_profile([*profiles, winner.profile]),
        )
        session.finish(winner.result, done.report)
    return done


def _check_best(plan: Plan, best: TrialResult) -> None:
    """Raise if the best trial, and so every trial, failed."""
    if best.failed:
        reason = best.failure or f"its {plan.metric} is {best.value}"
        raise TrainingError(f"every trial failed; the first: {reason}")


def epochs_done(plan: Plan, checkpoints: Checkpoints) -> dict[tuple[int, ...], int]:
    """Return the number of epochs in the last checkpoint of each chunk of a search, by the numbers of its members."""
    done = {}
    for name, first, _ in _fleets(plan):
        start = first
        for snapshot in attrs.evolve(checkpoints, folder=checkpoints.folder / name).latest():
            end = start + len(snapshot.members)
            done[tuple(range(start, end))] = snapshot.epoch
            start = end
    return done


def _scored(
    plan: Plan, session: Session, cancellation: Cancellation, profiles: list[Mapping[str, float]]
) -> Iterator[TrialResult]:
    """Yield the result of each trial, group by group, and append the profile of each group to `profiles`."""
    for name, first, group in _fleets(plan):
        if not group:
            continue
        run = group[0].run
        task = run.task(renumbered(session.hooks, first), cancellation, _subfolder(session.checkpoints, name))
        with contextlib.closing(run.workflow):
            yield from score_trials(run.workflow, task, [one.trial for one in group], metric=plan.metric)
            profiles.append(run.workflow.metrics)


def _finished(plan: Plan, session: Session, scored: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the results of those trials of the first group that is not in `scored` whose models have all ended."""
    known = {trial.index for trial in scored}
    for name, _, group in _fleets(plan):
        store = _subfolder(session.checkpoints, name)
        if group and store is not None and group[0].trial.index not in known:
            run = group[0].run
            with contextlib.closing(run.workflow):
                task, trials = run.task(Hooks(), Cancellation()), [one.trial for one in group]
                return finished_trials(run.workflow, task, trials, store.latest(), metric=plan.metric)
    return []


def _fleets(plan: Plan) -> Iterator[tuple[str, int, tuple[Candidate, ...]]]:
    """Yield for each fleet of a search the folder of its checkpoints, the number of its first member, and its trials.

    The last fleet is the winner, without trials.
    """
    first = 0
    for number, group in enumerate(plan.groups):
        yield f"group-{number:05d}", first, group
        first += members_of(group)
    yield "winner", first, ()


def _subfolder(checkpoints: Checkpoints | None, name: str) -> Checkpoints | None:
    return checkpoints and attrs.evolve(checkpoints, folder=checkpoints.folder / name)
