"""The results so far of a cross-validation or a search that is stopped, saved in its run folder."""

import contextlib
from collections.abc import Callable, Iterator

from gmcore.app.commands.session import PARTIAL, Session
from gmcore.app.commands.trials import TrialScoring
from gmcore.app.composing.run import Run
from gmcore.app.jobs.fleet_folder import snapshots_in
from gmcore.app.records.provenance import toml_text
from gmcore.app.records.results import CrossValidated, trial_reports
from gmcore.app.searching.plan import Plan
from gmcore.domain import Cancellation, CVResult, Fold, Hooks, TrialResult
from gmcore.domain.short_repr import listed
from gmcore.errors import Cancelled
from gmcore.storage.files import write_whole
from gmcore.training.finished import finished_folds

__all__ = ["folds_kept", "ranked", "trials_kept"]


@contextlib.contextmanager
def folds_kept(run: Run, session: Session, folds: list[Fold]) -> Iterator[None]:
    """Score and save the folds whose training has ended if that in the block is stopped; the error gets a note."""
    with _noted(lambda: _kept_folds(run, session, folds)):
        yield


@contextlib.contextmanager
def trials_kept(scoring: TrialScoring) -> Iterator[None]:
    """Save the trials that have ended if the search in the block is stopped; the error gets a note."""
    with _noted(lambda: _kept_trials(scoring)):
        yield


def ranked(plan: Plan, trials: list[TrialResult]) -> list[TrialResult]:
    """Return the trials from best to worst, failed ones last; equal ones are sorted by index."""
    sign = -1 if plan.higher_is_better else 1
    return sorted(trials, key=lambda trial: (trial.failed, 0.0 if trial.failed else sign * trial.value, trial.index))


@contextlib.contextmanager
def _noted(keep: Callable[[], str]) -> Iterator[None]:
    try:
        yield
    except (Cancelled, KeyboardInterrupt) as error:
        try:
            note = keep()
        except Exception as problem:  # noqa: BLE001 - scores are computed by plugins, and the stop matters more
            note = f"the results so far could not be saved: {problem}"
        if note:
            error.add_note(note)
        raise


def _kept_folds(run: Run, session: Session, folds: list[Fold]) -> str:
    """Save the results of the folds that have ended, and return a sentence about them; empty without a folder."""
    if session.folder is None or session.checkpoints is None:
        return ""
    task = run.task(Hooks(), Cancellation())
    result = finished_folds(run.workflow, task, folds, snapshots_in(session.checkpoints), seed=run.config.seed)
    if not result.folds:
        return f"none of the {len(folds)} folds had ended, so there are no scores yet"
    report = CrossValidated(result=result, folder=session.path, profile={}).report
    session.folder.write_json(PARTIAL, report)
    ended = f"{len(result.folds)} of {len(folds)} folds had ended, {_scores(result)}"
    return f"{ended}: {session.folder.path / PARTIAL}"


def _scores(result: CVResult) -> str:
    std = result.std
    return ", ".join(f"{name} {mean:.4g} ± {std[name]:.4g}" for name, mean in result.mean.items())


def _kept_trials(scoring: TrialScoring) -> str:
    """Save the results of the trials that have ended, and return a sentence about them; empty without a folder."""
    plan, folder, candidates = scoring.plan, scoring.session.folder, scoring.candidates
    if folder is None:
        return ""
    found = ranked(plan, [*scoring.results, *scoring.finished()])
    if not found:
        return f"none of the {len(candidates)} trials had ended, so there are no scores yet"
    folder.write_json(PARTIAL, {"metric": plan.metric, "trials": trial_reports(found)})
    ended, best = f"{len(found)} of {len(candidates)} trials had ended", found[0]
    if best.failed:
        return f"{ended}, and all of them failed: {folder.path / PARTIAL}"
    path = folder.path / "best.toml"
    write_whole(path, toml_text(candidates[best.index].run).encode())
    settings = listed([f"{name} = {value}" for name, value in best.settings.items()])
    return f"{ended}, the best with {plan.metric} {best.value:.4g} and {settings}: {path}"
