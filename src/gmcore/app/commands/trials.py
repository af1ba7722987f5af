"""The scoring of a search's trials, round by round: each round's trials are trained as fleets, by the run's engine."""

import contextlib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from gmcore.app.commands.fit import check_can_save
from gmcore.app.commands.session import Session
from gmcore.app.jobs.fleet_folder import (
    epochs_by_numbers,
    is_taken_over,
    job_folder,
    lines_of,
    read_cut,
    snapshots_in,
)
from gmcore.app.jobs.job_folder import log_of
from gmcore.app.jobs.pieces import FleetRun
from gmcore.app.searching.candidates import Candidate, Round, members_of
from gmcore.app.searching.fleets import fleets_of
from gmcore.app.searching.plan import Plan
from gmcore.domain import Cancellation, Hooks, SearchStart, TrialResult
from gmcore.storage.checkpoint import Checkpoints
from gmcore.training.finished import finished_trials
from gmcore.training.trials import score_trials, trial_members

__all__ = ["WINNER", "TrialScoring", "epochs_done"]

WINNER = "winner"
"""Name of the folder with the checkpoints of the model that has the best settings."""


@attrs.define(kw_only=True, eq=False)
class TrialScoring:
    """Scores all trials of a search.

    Attributes:
        plan: the search.
        session: its session.
        cancellation: requests a stop.
        rounds: the rounds so far, also the one that is being trained.
        results: the results so far, group by group.
        profiles: the profile of each group so far.
    """

    plan: Plan
    session: Session
    cancellation: Cancellation
    rounds: list[Round] = attrs.field(init=False, factory=list)
    results: list[TrialResult] = attrs.field(init=False, factory=list)
    profiles: list[Mapping[str, float]] = attrs.field(init=False, factory=list)

    @property
    def candidates(self) -> list[Candidate]:
        """The trials of all rounds so far, in order."""
        return [candidate for one in self.rounds for candidate in one.candidates]

    @property
    def members(self) -> int:
        """Number of models in all rounds so far."""
        return sum(one.members for one in self.rounds)

    def score(self) -> None:
        """Score one round after the other, until the strategy proposes no more trials."""
        rounds = self.plan.rounds()
        upcoming: Round | None = self.plan.first
        while upcoming is not None:
            self.rounds.append(upcoming)
            self.session.hooks.emit(SearchStart(trials=len(self.candidates), members=self.members))
            scored = len(self.results)
            self.results.extend(self._scored(upcoming))
            upcoming = rounds.after(self.results[scored:])
            if upcoming is not None:
                self._check(upcoming)

    def finished(self) -> list[TrialResult]:
        """Return the results of trials that are not in `results` yet, and whose models have all ended."""
        known, checkpoints = {trial.index for trial in self.results}, self.session.checkpoints
        found: list[TrialResult] = []
        if checkpoints is None or not self.rounds:
            return found
        for fleet, group in zip(_fleets(self.rounds[-1]), self.rounds[-1].groups, strict=True):
            if group[0].trial.index in known:
                continue
            snapshots = snapshots_in(attrs.evolve(checkpoints, folder=checkpoints.folder / fleet.name))
            task, trials = fleet.run.task(Hooks(), Cancellation()), [one.trial for one in group]
            with contextlib.closing(fleet.run.workflow):
                found += finished_trials(fleet.run.workflow, task, trials, snapshots, metric=self.plan.metric)
        return found

    def _scored(self, current: Round) -> Iterator[TrialResult]:
        """Yield the result of each trial of a round, group by group."""
        training = self.session.training(self.cancellation)
        with contextlib.closing(training.outcomes(_fleets(current))) as outcomes:
            train = functools.partial(next, outcomes)
            for group in current.groups:
                run, trials = group[0].run, [one.trial for one in group]
                task = run.task(self.session.hooks, self.cancellation)
                with contextlib.closing(run.workflow):
                    yield from score_trials(run.workflow, task, trials, metric=self.plan.metric, train=train)
                    self.profiles.append(run.workflow.metrics)

    def _check(self, upcoming: Round) -> None:
        """Check a later round as the first one was checked before anything was written."""
        fleets_of(upcoming)
        if self.session.folder is not None:
            for candidate in upcoming.candidates:
                check_can_save(candidate.run)


def epochs_done(checkpoints: Checkpoints, log: Path) -> dict[tuple[int, ...], int]:
    """Return the number of epochs in the last checkpoint of each chunk of a search, by the numbers of its members.

    Jobs whose epoch logs are not in the log of the run, or not all of them, are left out.
    """
    done, total, logged = dict[tuple[int, ...], int](), 0, frozenset(lines_of(log))
    for folder in sorted(checkpoints.folder.glob("group-*")):
        cut = read_cut(folder)
        if cut is None:
            continue
        first, total = total, total + cut.members
        if not cut.jobs:
            done |= epochs_by_numbers(first, attrs.evolve(checkpoints, folder=folder).latest())
        for number, size in enumerate(cut.jobs):
            of_job = attrs.evolve(checkpoints, folder=job_folder(folder, number))
            if is_taken_over(lines_of(log_of(of_job.folder)), logged):
                done |= epochs_by_numbers(first, of_job.latest())
            first += size
    winner = attrs.evolve(checkpoints, folder=checkpoints.folder / WINNER)
    return done | epochs_by_numbers(total, winner.latest())


def _fleets(current: Round) -> list[FleetRun]:
    """Return the fleets of a round, one for each group of trials."""
    fleets, first = [], current.first_member
    for number, group in enumerate(current.groups, start=current.first_group):
        run, trials, count = group[0].run, [one.trial for one in group], members_of(group)
        members = functools.partial(trial_members, run.rows, run.config.training.config, trials)
        fleets.append(FleetRun(run=run, name=f"group-{number:05d}", count=count, members=members, first=first))
        first += count
    return fleets
