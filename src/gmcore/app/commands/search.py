"""The command `search`: scores every trial by cross-validation and trains a model with the best settings."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import attrs

from gmcore.app.commands.best_model import best_model_kept
from gmcore.app.commands.fit import check_can_save, fit, whole_member
from gmcore.app.commands.results_so_far import ranked, trials_kept
from gmcore.app.commands.session import locked, run_session, warn
from gmcore.app.commands.trials import WINNER, TrialScoring
from gmcore.app.composing.run import Run
from gmcore.app.jobs.named import check_engine
from gmcore.app.records.profile import merged_profile
from gmcore.app.records.provenance import given_text, provenance, toml_text
from gmcore.app.records.results import Searched, trial_reports
from gmcore.app.searching.fleets import fleets_of
from gmcore.app.searching.plan import Plan
from gmcore.app.searching.renumbering import renumbered
from gmcore.domain import Cancellation, Hooks, TrialResult
from gmcore.errors import TrainingError
from gmcore.storage.files import write_whole
from gmcore.storage.run_folder import RunFolder

__all__ = ["search", "search_in"]


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
        ConfigError: if a model of a trial does not fit the memory, can't be saved, or can't be trained by the run's
            engine; nothing has been written.
        Cancelled: if the run was stopped; the run folder records it, and has the scores of the trials that had ended.
        TrainingError: if training or all trials failed; the run folder records it.
    """
    fleets_of(plan)
    check_engine(group[0].run for group in plan.groups)
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
        scoring = TrialScoring(plan=plan, session=session, cancellation=stop)
        with trials_kept(scoring):
            scoring.score()
        trials = ranked(plan, scoring.results)
        best = scoring.candidates[trials[0].index].run
        if folder is not None:
            folder.write_json("trials.json", {"metric": plan.metric, "trials": trial_reports(trials)})
        _check_best(plan, trials[0])
        if folder is not None:
            write_whole(folder.path / "best.toml", toml_text(best).encode())
        store = session.checkpoints and attrs.evolve(session.checkpoints, folder=session.checkpoints.folder / WINNER)
        task = best.task(renumbered(session.hooks, scoring.members), stop, store)
        with contextlib.closing(best.workflow), best_model_kept(best, session.path, store):
            winner = fit(best, task, whole_member(best), folder=session.path)
        done = Searched(
            metric=plan.metric,
            higher_is_better=plan.higher_is_better,
            trials=tuple(trials),
            winner=winner,
            folder=session.path,
            seconds=time.perf_counter() - start,
            profile=merged_profile([*scoring.profiles, winner.profile]),
        )
        session.finish(winner.result, done.report)
    return done


def _check_best(plan: Plan, best: TrialResult) -> None:
    """Raise if the best trial, and so every trial, failed."""
    if best.failed:
        reason = best.failure or f"its {plan.metric} is {best.value}"
        raise TrainingError(f"every trial failed; the first: {reason}")
