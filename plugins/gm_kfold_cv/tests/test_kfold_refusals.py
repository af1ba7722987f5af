"""Error messages of KFold."""

import attrs
import numpy as np
import pytest
from gm_kfold_cv import KFold

from gmcore.domain import Feature, Rows, Schema, Target, TargetKind
from gmcore.errors import DataError

NUMBERS = Target(names=("price",), kind=TargetKind.REGRESSION)
CLASSES = Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("cat", "dog", "emu"))


def rows_of(target, targets, **more):
    schema = Schema(features=(Feature(name="x"),), target=target, **more.pop("schema", {}))
    return Rows(schema=schema, inputs={"numeric": np.zeros((len(targets), 1))}, targets=np.asarray(targets), **more)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_splits": 1}, r"'n_splits' must be >= 2: 1"),
        ({"repeats": 0}, r"'repeats' must be >= 1: 0"),
        ({"repeats": 2, "shuffle": False}, r"'repeats' must be 1 without shuffling, got 2"),
        ({"seed": -1}, r"'seed' must be >= 0: -1"),
        ({"seed": 2**32}, r"'seed' must be < 4294967296"),
        ({"stratify": "maybe"}, r"'stratify' must be in .* \(got 'maybe'\)"),
    ],
)
def test_an_invalid_option_is_rejected_on_construction(options, message):
    with pytest.raises(ValueError, match=message):
        KFold(**options)


def test_more_folds_than_rows_are_rejected_before_the_first_fold():
    with pytest.raises(DataError, match="can't split 3 rows into 5 folds; reduce n_splits"):
        KFold().folds(rows_of(NUMBERS, np.zeros((3, 1))))


def test_a_class_with_fewer_rows_than_folds_is_named_with_its_count():
    rows = rows_of(CLASSES, [0] * 9 + [1] * 2 + [2] * 4)
    message = r"5 stratified folds need 5 rows of each class, but 'dog' has 2, 'emu' has 4; reduce n_splits, or set"
    with pytest.raises(DataError, match=message):
        KFold().folds(rows)
    assert len(list(KFold(stratify="no").folds(rows))) == 5
    assert len(list(KFold(n_splits=2).folds(rows))) == 2


@pytest.mark.parametrize("stratify", ["auto", "yes", "no"])
def test_rows_of_a_single_class_are_rejected(stratify):
    with pytest.raises(DataError, match="all 9 rows have class 'dog'; at least two"):
        KFold(stratify=stratify).folds(rows_of(CLASSES, [1] * 9))


def test_fewer_groups_than_folds_are_rejected():
    rows = rows_of(NUMBERS, np.zeros((9, 1)), groups=np.arange(9) % 3, schema={"group": "patient"})
    with pytest.raises(DataError, match=r"can't split 3 groups \('patient'\) into 5 folds; reduce n_splits"):
        KFold().folds(rows)


def test_stratifying_a_regression_target_is_rejected():
    with pytest.raises(DataError, match="stratified folds require a classification target"):
        KFold(stratify="yes").folds(rows_of(NUMBERS, np.zeros((9, 1))))


def test_rows_with_a_time_column_are_rejected_unless_time_is_ignored():
    rows = rows_of(NUMBERS, np.zeros((9, 1)), time=np.arange(9), schema={"time": "day"})
    with pytest.raises(DataError, match=r"ordered by time \('day'\).*ignore_time = true"):
        KFold().folds(rows)
    assert len(list(KFold(ignore_time=True).folds(rows))) == 5


def test_rows_without_targets_are_split_in_order():
    rows = attrs.evolve(rows_of(CLASSES, [0, 1] * 5), targets=None)
    assert [fold.validation.tolist() for fold in KFold(shuffle=False).folds(rows)][:2] == [[0, 1], [2, 3]]
