"""The `[search]` table: every candidate is checked before training."""

import math

import numpy as np
import pytest

import gmcore
from gmcore.app import open_run, plan_of
from gmcore.app.searching import candidates
from gmcore.domain import Memory, Range
from gmcore.errors import ConfigError


def problems_of(run_file, search):
    with pytest.raises(ConfigError) as caught:
        plan_of(open_run(run_file, settings={"search": search}))
    return list(caught.value.problems)


def grid(**space):
    return {"space": {name.replace("__", "."): entry for name, entry in space.items()}}


def drawn(trials=20, **space):
    return {"strategy": {"use": "random", "trials": trials}, **grid(**space)}


def test_folds_of_more_seeds_than_fit_the_memory_are_refused(run_file, monkeypatch):
    monkeypatch.setattr(candidates, "process_memory", lambda: Memory(total=10_000, active=0, peak=0))
    assert problems_of(run_file, grid(seed=list(range(100))))[0].startswith("search.space.seed: the folds of 100 seeds")


@pytest.mark.parametrize(
    ("search", "problem"),
    [
        ({}, 'search.space: is empty: list the values to try, such as "training.batch_size" = [32, 64]'),
        ({"strategy": "gird", **grid(seed=[1])}, "search.strategy.use: no search strategy named 'gird': did you mean"),
        ({"strategy": 3, **grid(seed=[1])}, "search.strategy: must be the name of a search strategy, a table"),
        ({"stratgy": "grid", **grid(seed=[1])}, "search.stratgy: unknown key, did you mean 'strategy'?"),
        ({"trials": 5, **grid(seed=[1])}, "search.trials: is an option of the strategy now: strategy = { use ="),
        ({"strategy": {"use": "grid", "trials": 5}, **grid(seed=[1])}, "search.strategy.trials: unknown key"),
        (drawn(0, seed=[1]), "search.strategy.trials: must be >= 1, got 0"),
        (drawn(10**9, seed=[1]), "search.strategy.trials: must be at most 10,000, got 1,000,000,000"),
        (grid(seed=1), "search.space.seed: must be a list of values, or a range { low = …, high = … }, got 1"),
        (grid(seed=[]), "search.space.seed: must be a list of values"),
        (grid(model__dropout={"low": 0.0, "high": 0.5}), "search.space.model.dropout: a grid requires a list"),
        (drawn(model__dropout={"low": 0.5, "high": 0.1}), "search.space.model.dropout: low must be below high"),
        (drawn(model__dropout={"low": 0.1}), "search.space.model.dropout.high: is required"),
        (drawn(model__dropout={"low": 0, "high": 1, "lgo": True}), "search.space.model.dropout.lgo: unknown key"),
        (drawn(model__dropout={"low": 0, "high": 1, "log": True}), "search.space.model.dropout: log = true requires"),
        (drawn(seed={"low": 0.5, "high": 9, "integer": True}), "search.space.seed: integer = true requires"),
        (drawn(model__dropout={"low": 0, "high": math.inf}), "search.space.model.dropout.high: must be finite"),
        (grid(modl__dropout=[0.1]), "search.space.modl.dropout: unknown key 'modl', did you mean 'model'?"),
        (grid(data__path=["a.csv"]), "search.space.data.path: must be the same for all trials (searchable: seed,"),
        (grid(dtype=["float32"]), "search.space.dtype: must be the same for all trials"),
        (grid(model__droput=[0.1]), "search.space.model.droput: unknown key, did you mean 'dropout'?"),
        (grid(model__dropout=[0.1, 1.5, 0.2]), "search.space.model.dropout: must be < 1.0, got 1.5"),
        (grid(model__hidden=[[8], [0]]), "search.space.model: hidden must be widths of 1 or more, got (0,)"),
        (grid(model__use=["mlp", "mpl"]), "search.space.model.use: no model provider named 'mpl'"),
        (grid(training__batch_size=[16, "32"]), "search.space.training.batch_size: "),
        (grid(training__optimzer__name=["sgd"]), "search.space.training.optimzer: unknown key, did you mean"),
        (grid(training__optimizer__use=["sdg"]), "search.space.training.optimizer.use: no optimizer named 'sdg'"),
        (grid(training__max_epochs__x=[1]), "search.space.training.max_epochs.x: 'max_epochs' is not a table"),
        (grid(training__optimizer=["sgd"], training__optimizer__learning_rate=[1.0]), "search.space.training.opti"),
        ({"metric": "acuracy", **grid(seed=[1])}, "search.metric: the run has no metric 'acuracy', did you mean"),
        (grid(seed=list(range(101)), training__max_epochs=list(range(1, 101))), "search.space: the grid has 10,100"),
    ],
    ids=str,
)  # fmt: skip
def test_one_mistake_is_one_problem_with_its_path(run_file, search, problem):
    (found,) = problems_of(run_file, search)
    assert found.startswith(problem), found


def test_all_problems_of_all_candidates_are_raised_together(run_file):
    space = grid(model__dropout=[0.1, 2.0], training__batch_size=[0, 8], seed=[1, -1]) | {"metric": "f2"}
    found = problems_of(run_file, space)
    assert sorted(problem.partition(":")[0] for problem in found) == sorted(
        [
            "search.space.training.batch_size",
            "search.space.model.dropout",
            "search.space.seed",
            "search.metric",
        ]
    )


def test_nothing_is_written_for_a_bad_search(run_file, tmp_path):
    with pytest.raises(ConfigError):
        gmcore.search(run_file, search=grid(model__dropout=[2.0]), runs=tmp_path / "runs")
    with pytest.raises(ConfigError, match=r"search: is required: list the values to try in \[search.space\]"):
        gmcore.search(run_file, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_other_commands_check_the_table_but_not_its_candidates(run_file, tmp_path):
    text = run_file.read_text()
    run_file.write_text(text + '[search.space]\n"model.dropout" = [2.0]\n')
    done = gmcore.train(run_file, runs=tmp_path)
    assert "search" not in (done.folder / "config.toml").read_text()
    run_file.write_text(text + '[search]\nstrategy = "gird"\n')
    with pytest.raises(ConfigError, match=r"search\.strategy"):
        gmcore.train(run_file)


def test_paths_without_quotes_are_paths_too(run_file):
    nested = {"space": {"model": {"dropout": [0.1, 0.2]}, "training": {"optimizer": {"learning_rate": [0.1]}}}}
    plan = plan_of(open_run(run_file, settings={"search": nested}))
    assert [dict(one.trial.settings) for one in plan.candidates] == [
        {"model.dropout": 0.1, "training.optimizer.learning_rate": 0.1},
        {"model.dropout": 0.2, "training.optimizer.learning_rate": 0.1},
    ]


def test_the_seed_of_the_run_draws_the_trials_of_a_random_search(run_file):
    search = {"strategy": "random", **grid(model__dropout={"low": 0.0, "high": 0.5})}

    def drawn_with(seed):
        plan = plan_of(open_run(run_file, settings={"seed": seed, "search": search}))
        return [one.trial.settings["model.dropout"] for one in plan.candidates]

    assert drawn_with(3) == drawn_with(3) != drawn_with(4)
    assert len(set(drawn_with(3))) == 20


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("integer", [False, True])
def test_draws_stay_within_their_bounds_and_fill_them(log, integer):
    bounds = Range(low=1, high=4, log=log, integer=integer)
    draws = [bounds.draw(np.random.default_rng(seed)) for seed in range(400)]
    assert {type(draw) for draw in draws} == {int if integer else float}
    assert 1 <= min(draws) <= max(draws) <= 4
    if integer:
        assert set(draws) == {1, 2, 3, 4}
    below = np.mean([draw < 2 for draw in draws])
    share = (math.log(2) / math.log(5 if integer else 4)) if log else (1 / 4 if integer else 1 / 3)
    assert below == pytest.approx(share, abs=0.07)  # three standard deviations of 400 draws
