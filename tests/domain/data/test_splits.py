"""Splits: random, chronological, stratified and grouped."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmcore.domain import Feature, Rows, Schema, SplitConfig, Target, TargetKind, generator
from gmcore.domain.data.splits import held_out, split_rows
from gmcore.errors import DataError

STRATEGIES = ["auto", "random", "chronological", "stratified"]


def classified(targets, groups=None, time=None):
    """Rows with three classes."""
    schema = Schema(features=(), target=Target(names=("y",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c")))
    return rows_of(schema, np.asarray(targets, np.int32), groups, time)


def measured(n, groups=None, time=None):
    """Rows with a regression target."""
    schema = Schema(features=(), target=Target(names=("y",), kind=TargetKind.REGRESSION))
    return rows_of(schema, np.zeros((n, 1)), groups, time)


def rows_of(schema, targets, groups, time):
    return Rows(
        schema=schema,
        inputs={"numeric": np.zeros((len(targets), 1))},
        targets=targets,
        groups=None if groups is None else np.asarray(groups, np.int64),
        time=None if time is None else np.asarray(time),
    )


def hold(rows, fraction=0.25, strategy="auto", indices=None, seed=0):
    indices = np.arange(len(rows)) if indices is None else np.asarray(indices)
    return held_out(rows, indices, SplitConfig(fraction=fraction, strategy=strategy), generator(seed, "split"))


@settings(deadline=None)
@given(
    n=st.integers(2, 60),
    fraction=st.floats(0.01, 0.99),
    strategy=st.sampled_from(["random", "chronological"]),
    seed=st.integers(0, 5),
)
def test_every_row_is_kept_or_held_once_and_the_count_is_scikit_learns(n, fraction, strategy, seed):
    count = math.ceil(fraction * n)
    if count == n:
        with pytest.raises(DataError, match="at least one must be left to train on"):
            hold(measured(n), fraction, strategy)
        return
    kept, held = hold(measured(n), fraction, strategy, seed=seed)
    assert len(held) == count
    assert kept.dtype == held.dtype == np.int64
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(n))
    assert np.array_equal(kept, np.sort(kept))
    assert np.array_equal(held, np.sort(held))


@settings(deadline=None)
@given(
    targets=st.lists(st.integers(0, 2), min_size=4, max_size=80),
    fraction=st.floats(0.05, 0.6),
    seed=st.integers(0, 5),
)
def test_a_stratified_split_holds_out_each_class_in_proportion(targets, fraction, seed):
    rows = classified(targets)
    sizes = np.bincount(targets, minlength=3)
    count = math.ceil(fraction * len(targets))
    if (sizes <= 1).all():
        with pytest.raises(DataError, match="have one row"):
            hold(rows, fraction, "stratified", seed=seed)
        return
    kept, held = hold(rows, fraction, "stratified", seed=seed)
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(len(targets)))
    assert set(rows.targets[kept]) == set(targets), "each class keeps a row to train on"
    assert len(held) == min(count, np.maximum(sizes - 1, 0).sum())
    if (sizes * fraction < sizes - 1).all():
        assert np.all(np.abs(np.bincount(rows.targets[held], minlength=3) - count * sizes / len(targets)) < 1)


@settings(deadline=None)
@given(
    members=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=3, max_size=60),
    strategy=st.sampled_from(STRATEGIES),
    fraction=st.floats(0.05, 0.6),
    seed=st.integers(0, 5),
)
def test_a_group_is_never_divided(members, strategy, fraction, seed):
    groups, targets = np.array(members).T
    rows = classified(targets, groups)
    try:
        kept, held = hold(rows, fraction, strategy, seed=seed)
    except DataError:
        everything_is_needed = all(
            any(set(groups[targets == c]) == {group} for c in set(targets)) for group in set(groups)
        )
        assert everything_is_needed or math.ceil(fraction * len(rows)) == len(rows)
        return
    assert len(kept) > 0
    assert len(held) > 0
    assert not set(groups[kept]) & set(groups[held])
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(len(rows)))


def test_as_many_groups_are_held_out_as_come_nearest_to_the_share():
    groups = np.repeat(np.arange(20), 5)
    for strategy in ("random", "chronological"):
        assert len(hold(measured(100, groups), 0.22, strategy)[1]) == 20


def test_stratified_groups_keep_the_proportion_of_classes():
    groups = np.repeat(np.arange(60), 4)
    targets = np.where(groups % 3 == 0, 1, 0)
    _, held = hold(classified(targets, groups), 0.25, "stratified")
    assert len(held) == 60
    assert targets[held].mean() == pytest.approx(1 / 3, abs=0.05)


def test_a_chronological_split_holds_out_the_latest_rows():
    time = np.array([5, 1, 4, 2, 3, 0, 7, 6])
    assert hold(measured(8, time=time), 0.25)[1].tolist() == [6, 7]
    assert hold(measured(8), 0.25, "chronological")[1].tolist() == [6, 7]
    assert hold(measured(8, time=time[::-1].copy()), 0.5)[1].tolist() == [0, 1, 5, 7]


def test_a_chronological_split_of_groups_holds_out_those_that_end_last():
    groups = [0, 1, 2, 1, 0, 3, 3, 2]
    assert hold(measured(8, groups), 0.25, "chronological")[1].tolist() == [2, 7]


def test_auto_takes_time_before_classes_and_classes_before_chance():
    targets = [0] * 12 + [1] * 4
    assert hold(classified(targets, time=range(16)))[1].tolist() == [12, 13, 14, 15]
    assert np.bincount(np.take(targets, hold(classified(targets))[1])).tolist() == [3, 1]
    same = [hold(measured(16), strategy=strategy)[1].tolist() for strategy in ("auto", "random")]
    assert same[0] == same[1] != [12, 13, 14, 15]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("groups", [None, np.arange(40) // 2])
def test_a_subset_is_divided_within_itself_whatever_its_order(strategy, groups):
    rows = classified(np.arange(40) % 3, groups)
    subset = np.arange(10, 34)
    kept, held = hold(rows, strategy=strategy, indices=subset)
    assert np.array_equal(np.sort(np.concatenate([kept, held])), subset)
    assert np.array_equal(hold(rows, strategy=strategy, indices=subset[::-1])[1], held)


@pytest.mark.parametrize("strategy", ["random", "stratified"])
@pytest.mark.parametrize("groups", [None, np.arange(60) // 2])
def test_the_seed_decides_and_nothing_else(strategy, groups):
    rows = classified(np.arange(60) % 3, groups)
    chosen = [hold(rows, strategy=strategy, seed=seed)[1].tolist() for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_every_row_can_be_drawn_by_some_seed():
    rows = classified(np.arange(9) % 3)
    drawn = {int(i) for seed in range(60) for i in hold(rows, 0.3, seed=seed)[1]}
    assert drawn == set(range(9))


def test_rows_without_classes_cannot_be_stratified():
    with pytest.raises(DataError, match="needs a classification target"):
        hold(measured(8), strategy="stratified")


def test_one_group_cannot_be_divided():
    with pytest.raises(DataError, match="all 8 rows belong to one group"):
        hold(measured(8, np.zeros(8)))


def test_groups_that_are_each_a_class_cannot_be_stratified():
    with pytest.raises(DataError, match="each contains all rows of some class"):
        hold(classified([0, 0, 1, 1], [5, 5, 6, 6]))


def test_split_rows_holds_out_test_rows_first_and_validation_rows_of_the_rest():
    split = split_rows(measured(100), validation=SplitConfig(fraction=0.25), test=SplitConfig(fraction=0.2))
    assert [len(split.train), len(split.validation), len(split.test)] == [60, 20, 20]
    assert np.array_equal(np.sort(np.concatenate([split.train, split.validation, split.test])), np.arange(100))
    assert np.array_equal(split.test, split_rows(measured(100), test=SplitConfig(fraction=0.2)).test)


def test_validation_and_test_rows_are_drawn_independently_by_the_seeds_of_their_own():
    rows, share = measured(100), SplitConfig(fraction=0.2, seed=3)
    split = split_rows(rows, validation=share, test=share)
    rest, tested = held_out(rows, np.arange(100), share, generator(3, "test split"))
    _, validated = held_out(rows, rest, share, generator(3, "validation split"))
    assert split.test.tolist() == tested.tolist()
    assert split.validation.tolist() == validated.tolist()
    other = split_rows(rows, validation=SplitConfig(fraction=0.2, seed=4), test=share)
    assert other.test.tolist() == tested.tolist()
    assert other.validation.tolist() != validated.tolist()


def test_split_rows_without_shares_trains_on_everything():
    split = split_rows(measured(5))
    assert split.train.tolist() == [0, 1, 2, 3, 4]
    assert len(split.validation) == len(split.test) == 0
    assert split.validation.dtype == np.int64


def test_a_share_of_zero_holds_out_nothing():
    split = split_rows(measured(9), validation=SplitConfig(fraction=0.0))
    assert list(split.train) == list(range(9))
    assert len(split.validation) == 0


class Untouched(np.ndarray):
    """Inputs that raise when they are read."""

    def __getitem__(self, where):
        raise AssertionError("inputs were touched")


@pytest.mark.parametrize("strategy", ["auto", "random", "chronological", "stratified"])
@pytest.mark.parametrize("more", [{}, {"groups": np.arange(40) // 3}, {"time": np.arange(40)[::-1]}])
def test_rows_are_held_out_without_a_look_at_their_inputs(strategy, more):
    schema = Schema(
        features=(Feature(name="x"),),
        target=Target(names=("y",), kind=TargetKind.BINARY, classes=("a", "b")),
    )
    inputs = {"numeric": np.zeros((40, 1)).view(Untouched)}
    rows = Rows(schema=schema, inputs=inputs, targets=(np.arange(40) % 2).astype(np.int32), **more)
    split = split_rows(rows, validation=SplitConfig(strategy=strategy), test=SplitConfig(strategy=strategy))
    assert len(split.train) + len(split.validation) + len(split.test) == 40
