"""The contract for search strategies accepts one that learns, and catches each that breaks one of its rules."""

import itertools
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from gmcore.builtins.strategies import Grid
from gmcore.domain import SearchSpace, generator
from gmcore.ports import SearchStrategy, Study
from gmcore.testing.search_strategy import SearchStrategyContract


@attrs.define
class Climb(Study):
    """Starts at one trial of each round's best neighbours: a study that depends on the scores."""

    space: SearchSpace
    seed: int
    sign: float
    rounds: int = 3
    asked: list[dict[str, object]] = attrs.field(factory=list)
    best: tuple[float, int] = (-np.inf, -1)

    def ask(self, count):
        if self.rounds == 0:
            return []
        self.rounds -= 1
        rng = generator(self.seed, "climb", len(self.asked))
        start = self.asked[self.best[1]] if self.best[1] >= 0 else {}
        trials = []
        for _ in range(min(2, count)):
            path = sorted(self.space)[rng.integers(len(self.space))]
            drawn = {name: self.space[name][rng.integers(len(self.space[name]))] for name in sorted(self.space)}
            trials.append({**drawn, **start, path: drawn[path]})
        self.asked += trials
        return trials

    def tell(self, trial, step, value):
        if not 0 <= trial < len(self.asked):
            raise ValueError(f"no trial {trial}")
        if self.sign * value > self.best[0]:
            self.best = self.sign * value, trial


@attrs.frozen
class Climbing(SearchStrategy):
    def study(self, space, *, seed, higher_is_better):
        return Climb(space, seed, 1.0 if higher_is_better else -1.0)


class TestClimbing(SearchStrategyContract):
    def strategy(self):
        return Climbing()


@attrs.define
class Broken(Study):
    """A grid whose answers are changed."""

    own: Study
    change: Callable[..., Any]

    def ask(self, count):
        return self.change(self.own, count)

    def tell(self, trial, step, value):
        self.own.tell(trial, step, value)


@attrs.frozen
class BrokenStrategy(SearchStrategy):
    change: Callable[..., Any]
    tell: Callable[..., Any] | None = None

    def study(self, space, *, seed, higher_is_better):
        study = Broken(Grid().study(space, seed=seed, higher_is_better=higher_is_better), self.change)
        if self.tell is not None:
            study = type("Deaf", (Broken,), {"tell": self.tell})(study.own, self.change)
        return study


def remembering():
    calls = itertools.count()
    return lambda own, count: own.ask(count)[:: 1 if next(calls) % 2 else -1]


def with_global_numbers(own, count):
    np.random.rand()  # noqa: NPY002 - the mistake
    return own.ask(count)


def without_end(own, count):
    return own.ask(count) or [{"training.optimizer.learning_rate": 0.1, "model.dropout": 0.5, "model.hidden": [8]}]


BROKEN = {
    "too many": ("at_most_as_many", lambda own, count: own.ask(count + 1)),
    "none": ("at_most_as_many", lambda own, count: []),
    "a path less": ("values_of_the_space", lambda own, count: [dict([*one.items()][1:]) for one in own.ask(count)]),
    "no value": ("values_of_the_space", lambda own, count: [{**one, "model.dropout": 2} for one in own.ask(count)]),
    "not a function of its calls": ("function_of_its", remembering()),
    "global random numbers": ("global_random", with_global_numbers),
}  # fmt: skip


def check_of(contract, rule):
    (name,) = (name for name in dir(contract) if name.startswith("test_") and rule in name)
    return getattr(contract(), name)


def contract_of(strategy):
    return type("Contract", (SearchStrategyContract,), {"strategy": lambda _: strategy})


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_strategy_is_caught(case):
    rule, change = BROKEN[case]
    with pytest.raises(AssertionError):
        check_of(contract_of(BrokenStrategy(change)), rule)()


def test_a_strategy_without_an_end_is_caught():
    with pytest.raises(AssertionError, match="the search has not ended after 10,000 trials"):
        check_of(contract_of(BrokenStrategy(without_end, tell=lambda *_: None)), "search_ends")()


def test_a_strategy_that_takes_any_score_is_caught():
    deaf = BrokenStrategy(lambda own, count: own.ask(count), tell=lambda *_: None)
    with pytest.raises(AssertionError, match="trial 0 was not asked"):
        check_of(contract_of(deaf), "not_asked")()


def test_a_strategy_that_depends_on_the_order_of_the_paths_is_caught():
    @attrs.frozen
    class OfTheFirst(SearchStrategy):
        """Varies the first path only."""

        def study(self, space, *, seed, higher_is_better):
            first = next(iter(space))
            fixed = {path: values if path == first else values[:1] for path, values in space.items()}
            return Grid().study(fixed, seed=seed, higher_is_better=higher_is_better)

    with pytest.raises(AssertionError):
        check_of(contract_of(OfTheFirst()), "order_of_the_paths")()


def test_a_strategy_that_gives_up_after_failures_is_caught():
    @attrs.define
    class Discouraged(Broken):
        """Proposes what was asked already once a trial has failed."""

        def tell(self, trial, step, value):
            assert value == value, "a trial failed"  # noqa: PLR0124 - NaN is not equal to itself

    @attrs.frozen
    class Strategy(SearchStrategy):
        def study(self, space, *, seed, higher_is_better):
            own = Grid().study(space, seed=seed, higher_is_better=higher_is_better)
            return Discouraged(own, lambda own, count: own.ask(count))

    with pytest.raises(AssertionError):
        check_of(contract_of(Strategy()), "failed_trials")()
