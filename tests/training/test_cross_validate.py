"""Cross-validation: which rows each fold trains, stops and is scored on, and draws that are independent."""

import attrs
import numpy as np
import pytest

from gmcore.domain import EarlyStoppingConfig, Fold, FoldEnd, FoldStart, Hooks, WorkflowConfig
from gmcore.testing.fakes import two_moons
from gmcore.training import GradientDescent, cross_validate, fold_members

ROWS = two_moons(203)


def folds_of(count=3):
    parts = np.array_split(np.arange(len(ROWS)), count)
    return [
        Fold(index=index, train=np.setdiff1d(np.arange(len(ROWS)), held), validation=held)
        for index, held in enumerate(parts)
    ]


def members_of(fraction=0.1, *, seed=0, folds=None):
    config = WorkflowConfig(early_stopping=EarlyStoppingConfig(fraction=fraction))
    return fold_members(ROWS, folds or folds_of(), config, seed=seed)


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3])
def test_a_fold_stops_on_the_configured_fraction_of_its_training_rows(fraction):
    for member, fold in zip(members_of(fraction), folds_of(), strict=True):
        assert len(member.stop) == np.ceil(fraction * len(fold.train))
        assert np.array_equal(np.union1d(member.train, member.stop), fold.train)
        assert not np.intersect1d(member.train, member.stop).size
        assert np.array_equal(member.score, fold.validation)


def test_without_early_stopping_a_fold_trains_on_all_its_rows():
    for member, fold in zip(fold_members(ROWS, folds_of(), WorkflowConfig(), seed=3), folds_of(), strict=True):
        assert np.array_equal(member.train, fold.train)
        assert len(member.stop) == 0
        assert member.seed == 3


def test_stop_rows_are_drawn_anew_for_each_fold_and_seed():
    same = [Fold(index=index, train=np.arange(150), validation=np.arange(150, 203)) for index in range(3)]
    drawn = {member.stop.tobytes() for seed in (1, 2) for member in members_of(seed=seed, folds=same)}
    assert len(drawn) == 6
    again = members_of(seed=1, folds=same)
    assert [one.stop.tolist() for one in again] == [one.stop.tolist() for one in members_of(seed=1, folds=same)]


@pytest.fixture
def draws(monkeypatch):
    """Return the seeds of all random generators that are made, with their keys."""
    made = []

    class Noted(np.random.SeedSequence):
        def __init__(self, entropy=None, *, spawn_key=(), **options):
            made.append((entropy, spawn_key))
            super().__init__(entropy, spawn_key=spawn_key, **options)

    monkeypatch.setattr(np.random, "SeedSequence", Noted)
    return made


def test_no_two_draws_of_a_run_share_a_generator(configured, draws):
    task = configured(max_epochs=3, early_stopping=EarlyStoppingConfig(patience=3), members_per_chunk=2)
    for seed in (5, 6):
        draws.clear()
        cross_validate(GradientDescent(), task, folds_of(), seed=seed)
        # For each fold: stop rows, weights, preprocessing, dropout, and three orders of its rows; no chunk shares any.
        assert len(set(draws)) == len(draws) == 3 * (4 + 3)
        assert {entropy for entropy, _ in draws} == {seed}
        assert {key[1] for _, key in draws} == {0, 1, 2}
        assert len({key[0] for _, key in draws}) == 5


def test_listeners_hear_of_each_fold_with_its_rows_and_its_score(configured):
    starts: list[FoldStart] = []
    ends: list[FoldEnd] = []
    task = attrs.evolve(configured(max_epochs=1), hooks=Hooks(fold_start=(starts.append,), fold_end=(ends.append,)))
    done = cross_validate(GradientDescent(), task, folds_of())
    sizes = [(fold.index, len(fold.train), len(fold.validation)) for fold in folds_of()]
    assert [(one.index, one.n_train, one.n_validation) for one in starts] == sizes
    assert [(one.index, one.validation) for one in ends] == [(one.index, one.validation) for one in done.folds]
    assert [one.validation.n_samples for one in done.folds] == [held for _, _, held in sizes]
