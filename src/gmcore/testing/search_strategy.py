"""Contract suite for search strategies."""

# ruff: noqa: S101 - the asserts are the checks

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np

from gmcore.domain import SearchSpace
from gmcore.ports import SearchStrategy, Study

__all__ = ["SearchStrategyContract"]

_MOST = 10_000
_COUNT = 3

Settings = Mapping[str, object]


class SearchStrategyContract(ABC):
    """Checks for a search strategy; subclass it as `TestYours` in a test module, and pytest runs them."""

    @abstractmethod
    def strategy(self) -> SearchStrategy:
        """Return a new strategy, the same every time; a search of the space must end within 10,000 trials."""

    def space(self) -> SearchSpace:
        """Return the space to search; by default twelve combinations of listed values."""
        return {
            "training.optimizer.learning_rate": (0.001, 0.01, 0.1),
            "model.dropout": (0.0, 0.5),
            "model.hidden": ([8], [4, 4]),
        }

    def study(self, *, seed: int = 7, higher_is_better: bool = True) -> Study:
        """Return a new study of the space."""
        return self.strategy().study(self.space(), seed=seed, higher_is_better=higher_is_better)

    def test_it_is_a_search_strategy_that_gives_studies(self) -> None:
        """The ports are subclassed, or their methods are all there."""
        assert isinstance(self.strategy(), SearchStrategy)
        assert isinstance(self.study(), Study)

    def test_a_search_ends(self) -> None:
        """Within 10,000 trials, and then no more trials are proposed."""
        study = self.study()
        trials = _played(study)
        assert trials, "no trial was proposed"
        assert len(study.ask(_COUNT)) == 0, "there are trials after the end"

    def test_at_most_as_many_trials_as_asked_are_returned(self) -> None:
        """And at least one until the search is over."""
        for count in (1, 2, _COUNT, _MOST):
            found = self.study().ask(count)
            assert 1 <= len(found) <= count, f"{len(found)} trials for {count}"

    def test_settings_are_values_of_the_space(self) -> None:
        """Each trial has a value of every path: one of the list, or a number within the range."""
        space = self.space()
        for trial, settings in enumerate(_played(self.study())):
            assert set(settings) == set(space), f"trial {trial} has settings of {sorted(settings)}"
            for path, value in settings.items():
                assert value in space[path], f"trial {trial}: {path} = {value!r} is not in {space[path]}"

    def test_a_study_is_a_function_of_its_arguments_and_calls(self) -> None:
        """The same calls give the same trials: of the same strategy, of an equal one, and in turn with another study.

        So a search resumes to the same trials.
        """
        strategy, first = self.strategy(), _played(self.study())
        for made in (strategy, strategy, self.strategy()):
            again = _played(made.study(self.space(), seed=7, higher_is_better=True))
            assert again == first, "another study proposed other trials"
        one, other = self.study(), self.study()
        for number in range(len(first)):
            pair = [study.ask(1) for study in (one, other)]
            assert pair[0] == pair[1], f"two studies in turn propose other trials, from trial {number} on"
            if not pair[0]:
                break
            for study in (one, other):
                study.tell(number, 1, _score(number, pair[0][0]))

    def test_the_order_of_the_paths_does_not_matter(self) -> None:
        """The first trials are the same, in any order."""
        turned = dict(reversed([*self.space().items()]))
        asked = [
            study.ask(_MOST) for study in (self.study(), self.strategy().study(turned, seed=7, higher_is_better=True))
        ]
        one, other = (sorted(repr(sorted(settings.items())) for settings in trials) for trials in asked)
        assert one == other

    def test_failed_trials_do_not_end_a_search_early(self) -> None:
        """The score of a failed trial is NaN; all trials may fail, or some."""
        patterns: list[Callable[[int], bool]] = [lambda _: True, lambda trial: trial % 2 == 0]
        for failing in patterns:
            study = self.study()
            assert _played(study, failing=failing)
            assert len(study.ask(_COUNT)) == 0

    def test_both_directions_are_searched(self) -> None:
        """Whether higher or lower scores are better, the search ends, and its settings are those of the space."""
        for higher in (True, False):
            assert all(set(settings) == set(self.space()) for settings in _played(self.study(higher_is_better=higher)))

    def test_telling_of_a_trial_that_was_not_asked_is_an_error(self) -> None:
        """Before the first, after the last, and below zero."""
        study = self.study()
        _assert_refused(study, 0)
        asked = len(study.ask(_COUNT))
        study.tell(asked - 1, 1, 0.5)
        _assert_refused(study, asked)
        _assert_refused(study, -1)

    def test_the_space_and_global_random_state_are_unchanged(self) -> None:
        """Random numbers follow from the seed alone."""
        space = dict(self.space())
        before = repr(np.random.get_state(legacy=False))  # noqa: NPY002 - must be unchanged
        _played(self.strategy().study(space, seed=7, higher_is_better=True))
        assert repr(np.random.get_state(legacy=False)) == before  # noqa: NPY002 - as above
        assert space == dict(self.space())


def _played(study: Study, *, failing: Callable[[int], bool] = lambda _: False) -> list[Settings]:
    """Play a search, calling `tell` for each trial of a round in order; `failing` says which trials fail."""
    trials: list[Settings] = []
    while asked := study.ask(_COUNT):
        assert len(trials) < _MOST, f"the search has not ended after {_MOST:,} trials"
        trials.extend(asked)
        for number in range(len(trials) - len(asked), len(trials)):
            study.tell(number, 1, math.nan if failing(number) else _score(number, trials[number]))
    return trials


def _score(trial: int, settings: Settings) -> float:
    """Return a score that depends on the settings."""
    return float(len(repr(sorted(settings.items()))) % 7) + 0.1 * (trial % 3)


def _assert_refused(study: Study, trial: int) -> None:
    try:
        study.tell(trial, 1, 0.5)
    except ValueError:
        return
    raise AssertionError(f"trial {trial} was not asked, and telling its score is no ValueError")
