"""The plan of a search: its first round, checked, and the rounds that follow from the scores."""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from gmcore.app.composing.metrics import directions
from gmcore.app.composing.run import Run
from gmcore.app.composing.search_space import SearchTable, space_of
from gmcore.app.searching.candidates import Candidate, Round, candidate_runs, round_of
from gmcore.domain import SearchSpace, TrialResult
from gmcore.domain.searching.search_space import MOST_TRIALS
from gmcore.errors import ConfigError, TrainingError, did_you_mean
from gmcore.ports import SearchStrategy, Study

__all__ = ["Plan", "Rounds", "plan_of"]


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """The plan of a search.

    Attributes:
        run: the run of the search.
        strategy: where the trials come from.
        space: what it searches.
        first: the first round, checked; of most strategies the only one.
        metric: name of the score that ranks trials.
        higher_is_better: whether higher scores are better.
    """

    run: Run
    strategy: SearchStrategy
    space: SearchSpace
    first: Round
    metric: str
    higher_is_better: bool

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The trials of the first round, in order."""
        return self.first.candidates

    @property
    def groups(self) -> tuple[tuple[Candidate, ...], ...]:
        """The trials of the first round, grouped by shapes and programs."""
        return self.first.groups

    @property
    def members(self) -> int:
        """Number of models to train in the first round."""
        return self.first.members

    def rounds(self) -> "Rounds":
        """Return the rounds of a new study, of which the first has been asked.

        Raises:
            TrainingError: if the new study proposed other trials than the one of the plan.
        """
        study = self.strategy.study(self.space, seed=self.run.config.seed, higher_is_better=self.higher_is_better)
        if list(study.ask(MOST_TRIALS)) != [one.trial.settings for one in self.candidates]:
            raise TrainingError(
                f"the search strategy {type(self.strategy).__name__} proposed other trials with the same seed, so a "
                "search could not be resumed: its trials must depend on the space, the seed and the scores alone"
            )
        return Rounds(run=self.run, study=study, space=self.space, last=self.first)


@attrs.define(kw_only=True, eq=False)
class Rounds:
    """The rounds of a search, one after the other.

    Attributes:
        run: the run of the search.
        study: proposes the trials.
        space: what it searches.
        last: the round that was asked last.
    """

    run: Run
    study: Study
    space: SearchSpace
    last: Round

    def after(self, results: Iterable[TrialResult]) -> Round | None:
        """Return the round after the last one, checked; None if the search is over.

        Args:
            results: those of all trials of the last round.

        Raises:
            ConfigError: with all problems of the new candidates.
        """
        for trial in sorted(results, key=lambda trial: trial.index):
            self.study.tell(trial.index, int(trial.epochs.max()), float("nan") if trial.failed else trial.value)
        asked = self.last.candidates[-1].trial.index + 1
        if asked >= MOST_TRIALS:
            return None
        trials = self.study.ask(MOST_TRIALS - asked)
        if not trials:
            return None
        problems = _stray(trials, self.space)
        runs = [] if problems else candidate_runs(self.run, trials, problems)
        if problems:
            raise ConfigError(dict.fromkeys(problems))
        self.last = round_of(runs, after=self.last)
        return self.last


def plan_of(run: Run) -> Plan:
    """Return the plan of a search, with every candidate of its first round checked.

    Raises:
        ConfigError: with all problems of `[search]` and its candidates.
        DataError: if the rows can't be split by the cross-validator.
    """
    table = run.config.search
    if table is None or run.strategy is None:
        raise ConfigError(["search: is required: list the values to try in [search.space]"])
    space, problems = space_of(table), list[str]()
    metric, higher = _ranking(run, table, problems)
    trials = _first_trials(run, run.strategy, space, higher, problems)
    runs = candidate_runs(run, trials, problems)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return Plan(
        run=run,
        strategy=run.strategy,
        space=space,
        first=round_of(runs),
        metric=metric,
        higher_is_better=higher,
    )


def _first_trials(
    run: Run, strategy: SearchStrategy, space: SearchSpace, higher_is_better: bool, problems: list[str]
) -> Sequence[Mapping[str, object]]:
    """Return the trials of the first round; none if there are problems, which are added."""
    found = _unsearchable(run, space)
    try:
        study = strategy.study(space, seed=run.config.seed, higher_is_better=higher_is_better)
    except ConfigError as error:
        found += error.problems
    if found:
        problems += found
        return []
    trials = study.ask(MOST_TRIALS)
    problems += _stray(trials, space) if trials else ["search.strategy: proposed no trials"]
    return trials


def _stray(trials: Sequence[Mapping[str, object]], space: SearchSpace) -> list[str]:
    """Return the problem of the first trial that has other paths than the space."""
    stray = next((sorted(trial.keys() ^ space.keys()) for trial in trials if trial.keys() != space.keys()), [])
    return [f"search.strategy: proposed a trial whose settings are not those of the space: {stray}"] if stray else []


def _unsearchable(run: Run, space: SearchSpace) -> list[str]:
    """Return the problems of paths that can't be searched in this run, but could be in others."""
    problems = []
    if not isinstance(run.config.model, Mapping) and any(path.partition(".")[0] == "model" for path in space):
        problems.append(
            "search.space.model: the options of a model object can't be searched: give the model as a table"
        )
    kind, data = type(run.data), run.config.data
    has_seed = attrs.has(kind) and "seed" in attrs.fields_dict(kind)
    if "seed" in space and has_seed and isinstance(data, Mapping) and "seed" not in data:
        problems.append("search.space.seed: the data depends on the run's seed, but must not vary: set data.seed")
    return problems


def _ranking(run: Run, table: SearchTable, problems: list[str]) -> tuple[str, bool]:
    """Return the name of the score that ranks trials, and whether higher scores are better."""
    known: dict[str, bool | None] = {}
    for metric in run.metrics:
        known |= directions(metric, run.rows)
    known["loss"] = False
    name = table.metric or next(iter(known))
    if name not in known:
        problems.append(f"search.metric: the run has no metric '{name}'{did_you_mean(name, known)}")
        return name, False
    higher = known[name] if table.better is None else table.better == "higher"
    if higher is None:
        problems.append(f'search.better: the metric \'{name}\' does not state which is better: set "higher" or "lower"')
    return name, bool(higher)
