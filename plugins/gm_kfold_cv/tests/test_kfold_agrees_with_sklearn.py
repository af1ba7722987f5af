"""The folds equal scikit-learn's for the same arguments."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from gm_kfold_cv import KFold
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import model_selection as sk

from gmcore.domain import Feature, Rows, Schema, Target, TargetKind

seeds = st.integers(0, 2**32 - 1)


def rows_of(count, *, classes=None, groups=None):
    kind = TargetKind.REGRESSION if classes is None else TargetKind.MULTICLASS
    names = () if classes is None else tuple("abcdefgh")
    return Rows(
        schema=Schema(features=(Feature(name="x"),), target=Target(names=("y",), kind=kind, classes=names)),
        inputs={"numeric": np.zeros((count, 1))},
        targets=np.zeros((count, 1)) if classes is None else np.asarray(classes, np.int32),
        groups=None if groups is None else np.asarray(groups, np.int64),
    )


def assert_same(validator, splitter, rows, count):
    y = rows.targets if rows.schema.target.is_classification else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = list(splitter.split(np.zeros(count), y, rows.groups))
    found = list(validator.folds(rows))
    assert len(found) == len(expected)
    for fold, (train, test) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.validation, test)


def shuffling(seed):
    return {"shuffle": False} if seed is None else {"shuffle": True, "random_state": seed}


def own(seed):
    return {"shuffle": False} if seed is None else {"seed": seed}


@st.composite
def labels(draw, n_splits):
    """Draw class codes with at least `n_splits` rows of each class, in any order."""
    sizes = draw(st.lists(st.integers(n_splits, n_splits + 15), min_size=2, max_size=6))
    return draw(st.permutations(np.repeat(np.arange(len(sizes)), sizes).tolist()))


@given(st.data(), st.integers(2, 9), st.none() | seeds)
def test_plain_folds(data, n_splits, seed):
    count = data.draw(st.integers(n_splits, 60))
    expected = sk.KFold(n_splits, **shuffling(seed))
    assert_same(KFold(n_splits=n_splits, **own(seed)), expected, rows_of(count), count)


@given(st.data(), st.integers(2, 6), st.none() | seeds)
def test_stratified_folds(data, n_splits, seed):
    classes = data.draw(labels(n_splits))
    expected = sk.StratifiedKFold(n_splits, **shuffling(seed))
    assert_same(KFold(n_splits=n_splits, **own(seed)), expected, rows_of(len(classes), classes=classes), len(classes))


@given(st.data(), st.integers(2, 6), st.none() | seeds)
def test_group_folds(data, n_splits, seed):
    groups = data.draw(st.lists(st.integers(-5, 20), min_size=n_splits, max_size=60))
    assume(len(set(groups)) >= n_splits)
    expected = sk.GroupKFold(n_splits, **shuffling(seed))
    assert_same(KFold(n_splits=n_splits, **own(seed)), expected, rows_of(len(groups), groups=groups), len(groups))


@settings(max_examples=60)
@given(st.data(), st.integers(2, 5), st.none() | seeds)
def test_stratified_group_folds(data, n_splits, seed):
    classes = data.draw(labels(n_splits))
    groups = data.draw(st.lists(st.integers(0, 15), min_size=len(classes), max_size=len(classes)))
    assume(len(set(groups)) >= n_splits)
    expected = sk.StratifiedGroupKFold(n_splits, **shuffling(seed))
    rows = rows_of(len(classes), classes=classes, groups=groups)
    assert_same(KFold(n_splits=n_splits, **own(seed)), expected, rows, len(classes))


@given(st.integers(2, 5), st.integers(1, 4), seeds)
def test_repeated_folds(n_splits, repeats, seed):
    expected = sk.RepeatedKFold(n_splits=n_splits, n_repeats=repeats, random_state=seed)
    assert_same(KFold(n_splits=n_splits, repeats=repeats, seed=seed), expected, rows_of(23), 23)


@given(st.integers(2, 5), st.integers(1, 4), seeds)
def test_repeated_stratified_folds(n_splits, repeats, seed):
    classes = np.arange(31) % 3
    expected = sk.RepeatedStratifiedKFold(n_splits=n_splits, n_repeats=repeats, random_state=seed)
    assert_same(KFold(n_splits=n_splits, repeats=repeats, seed=seed), expected, rows_of(31, classes=classes), 31)


def test_stratification_can_be_turned_off():
    classes = np.repeat([0, 1], [6, 9])
    assert_same(KFold(n_splits=3, shuffle=False, stratify="no"), sk.KFold(3), rows_of(15, classes=classes), 15)


@pytest.mark.parametrize("seed", [0, 1])
def test_repeats_differ_from_each_other(seed):
    folds = list(KFold(n_splits=2, repeats=3, seed=seed).folds(rows_of(40)))
    assert [fold.metadata["repeat"] for fold in folds] == [0, 0, 1, 1, 2, 2]
    assert all(not np.array_equal(a.validation, b.validation) for a, b in pairwise(folds[::2]))
