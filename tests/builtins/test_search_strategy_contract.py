"""The search strategies of gmcore hold to the contract."""

import pytest

from gmcore.builtins.strategies import Grid, Random
from gmcore.domain import Range
from gmcore.errors import ConfigError
from gmcore.testing import SearchStrategyContract


class TestGrid(SearchStrategyContract):
    def strategy(self):
        return Grid()


class TestRandom(SearchStrategyContract):
    def strategy(self):
        return Random(trials=8)


class TestRandomInRanges(SearchStrategyContract):
    def strategy(self):
        return Random(trials=50)

    def space(self):
        return {
            "a": Range(low=0.001, high=1.0, log=True),
            "b": Range(low=1, high=3, integer=True),
            "c": (True, "x", None),
        }


def trials_of(strategy, space, seed=7):
    return strategy.study(space, seed=seed, higher_is_better=True).ask(10_000)


def test_a_grid_is_every_combination_the_last_one_changing_fastest():
    found = trials_of(Grid(), {"seed": (1, 2), "model.hidden": ([8], [4])})
    assert [tuple(one.values()) for one in found] == [(1, [8]), (1, [4]), (2, [8]), (2, [4])]


def test_a_grid_is_given_all_at_once_and_in_parts_too():
    study = Grid().study({"a": (1, 2, 3)}, seed=0, higher_is_better=True)
    assert [study.ask(2), study.ask(2), study.ask(2)] == [[{"a": 1}, {"a": 2}], [{"a": 3}], []]


def test_a_random_trial_depends_only_on_the_seed_and_its_index():
    space = {"a": Range(low=0.0, high=1.0), "b": (1, 2, 3), "c": Range(low=1, high=9, integer=True)}
    found = trials_of(Random(trials=8), space)
    assert trials_of(Random(trials=3), space) == found[:3]
    assert trials_of(Random(trials=8), dict(reversed(space.items()))) == found
    assert trials_of(Random(trials=8), space, seed=8) != found
    assert len({one["a"] for one in found}) == 8


def test_draws_are_those_of_earlier_versions():
    """Of gmcore 0.1.0, so that a search gives the trials that it gave before."""
    space = {
        "rate": Range(low=1e-4, high=1e-1, log=True),
        "width": (8, 16, 32),
        "size": Range(low=16, high=64, integer=True),
    }
    assert trials_of(Random(trials=2), space) == EARLIER


def test_a_space_that_a_grid_cannot_search_is_refused_with_all_problems():
    space = {"a": Range(low=0.0, high=1.0), "b": tuple(range(101)), "c": tuple(range(100))}
    with pytest.raises(ConfigError) as caught:
        Grid().study(space, seed=0, higher_is_better=True)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["search.space.a", "search.space"]


EARLIER = [
    {"rate": 0.09344799241529951, "width": 8, "size": 54},
    {"rate": 0.0358410451301957, "width": 32, "size": 49},
]
