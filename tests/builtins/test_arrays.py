"""Arrays, columns and data frames in memory are a data set."""

import datetime as dt
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from gmcore.builtins.arrays import ArrayData
from gmcore.domain import BatchConfig, Feature, Kind, SplitConfig, TargetKind
from gmcore.errors import DataError

X = np.arange(24.0).reshape(12, 2)
NUMBERS = np.linspace(0, 1, 12)


def target_of(y, **options):
    return ArrayData(np.zeros((len(y), 1)), y, **options).schema.target


def mixed(**more):
    return {"size": [1.0, np.nan, 3.0], "ripe": [True, False, True], "kind": ["pear", None, "apple"], **more}


# What is predicted


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["dog", "cat", "dog"], ("cat", "dog")),
        (np.array(["dog", "cat", "emu"], object), ("cat", "dog", "emu")),
        ([10, 9, 10], ("9", "10")),
        ([True, False, True], ("false", "true")),
        (pl.Series(["dog", "cat"]), ("cat", "dog")),
        (np.array([[1], [0]]), ("0", "1")),
    ],
)
def test_texts_booleans_and_whole_numbers_are_classes_in_sorted_order(y, classes):
    assert target_of(y).classes == classes
    assert target_of(y).kind is (TargetKind.BINARY if len(classes) == 2 else TargetKind.MULTICLASS)


def test_targets_are_indices_of_classes():
    rows = ArrayData(np.zeros((3, 1)), ["dog", "cat", "dog"]).rows()
    assert rows.targets.tolist() == [1, 0, 1]
    assert rows.targets.dtype == np.int32


@pytest.mark.parametrize(("y", "names"), [(NUMBERS, ("target",)), (X, ("y0", "y1"))])
def test_floats_are_values_to_predict(y, names):
    data = ArrayData(X, y)
    assert data.schema.target.kind is TargetKind.REGRESSION
    assert data.schema.target.names == names
    assert np.array_equal(data.rows().targets, y.reshape(12, -1))


def test_the_task_overrides_the_type():
    assert target_of([3, 1, 2], task="regression").kind is TargetKind.REGRESSION
    assert target_of([0.0, 1.0, 0.0], task="classification").classes == ("0", "1")


def test_targets_can_be_named():
    assert ArrayData(X, X, target_names=("north", "east")).schema.target.names == ("north", "east")


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([1.0, np.nan, np.nan], {}, "2 rows have no target, the first is row 1"),
        (["a", None, "b"], {}, "1 rows have no target, the first is row 1"),
        ([1.0, np.inf], {}, "y holds 1 infinite values, the first in row 1"),
        (["a", "a"], {}, "every row has class 'a'"),
        (list(range(50)), {}, "50 different whole numbers in 50 rows: say task='regression'"),
        (["a", "b"], {"task": "regression"}, "y holds texts such as 'a'"),
        (np.ones((2, 2), int), {}, "classes come one a row, got 2 columns"),
        (np.ones((2, 1, 1)), {}, r"y must be \(rows,\) or \(rows, targets\), got shape \(2, 1, 1\)"),
        ([1j, 2j], {}, "y holds complex128"),
        ([0.5, 1.5], {"target_names": ("a", "b")}, "2 target names for 1 target columns"),
    ],
)
def test_a_target_that_can_not_be_is_refused(y, options, message):
    with pytest.raises(DataError, match=message):
        target_of(y, **options)


def test_rows_without_targets_can_not_be_learnt_from():
    with pytest.raises(DataError, match="these rows have no targets: pass y"):
        ArrayData(X).rows()


# Columns


@pytest.mark.parametrize("columns", [mixed(), pl.DataFrame(mixed(), strict=False)])
def test_columns_are_numbers_booleans_or_categories(columns):
    rows = ArrayData(columns, [1.0, 2.0, 3.0]).rows()
    assert rows.schema.features == (
        Feature(name="size"),
        Feature(name="ripe", kind=Kind.BOOLEAN),
        Feature(name="kind", kind=Kind.CATEGORICAL, categories=("apple", "pear")),
    )
    np.testing.assert_array_equal(rows.inputs["numeric"], [[1, 1], [np.nan, 0], [3, 1]])
    np.testing.assert_array_equal(rows.inputs["categorical"], [[2], [0], [1]])
    assert rows.inputs["numeric"].dtype == np.float64
    assert rows.inputs["categorical"].dtype == np.int32


def test_missing_values_hide_no_kind():
    columns = {"flag": [None, True], "number": [None, 2], "empty": [None, None]}
    rows = ArrayData(columns, [1.0, 2.0]).rows()
    assert [feature.kind for feature in rows.schema.features] == [Kind.BOOLEAN, Kind.NUMERIC, Kind.NUMERIC]
    np.testing.assert_array_equal(rows.inputs["numeric"], [[np.nan] * 3, [1, 2, np.nan]])


def test_numbers_of_any_type_are_numbers():
    column = np.array([np.int64(1), np.float32(0.5), Decimal("0.25"), None, np.True_], object)
    rows = ArrayData({"a": column}, np.linspace(0, 1, 5)).rows()
    np.testing.assert_array_equal(rows.inputs["numeric"][:, 0], [1, 0.5, 0.25, np.nan, 1])


def test_numbers_can_be_categories():
    data = ArrayData({"zip": [10.0, 9.0, np.nan]}, [1.0, 2.0, 3.0], categorical=("zip",))
    assert data.schema.features == (Feature(name="zip", kind=Kind.CATEGORICAL, categories=("9", "10")),)
    assert data.rows().inputs["categorical"].tolist() == [[2], [1], [0]]


def test_columns_of_an_array_can_be_named():
    assert [f.name for f in ArrayData(X, NUMBERS).schema.features] == ["x0", "x1"]
    assert [f.name for f in ArrayData(X, NUMBERS, feature_names=["a", "b"]).schema.features] == ["a", "b"]


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.zeros(3), {}, r"X must be \(rows, features\), got shape \(3,\)"),
        (np.zeros((3, 0)), {}, "no rows or no features"),
        (np.zeros((0, 3)), {}, "no rows or no features"),
        (np.zeros((3, 2)), {"feature_names": ("a",)}, "1 different feature names for 2 features"),
        (np.zeros((3, 2)), {"feature_names": ("a", "a")}, "1 different feature names for 2 features"),
        (mixed(), {"feature_names": ("a",)}, "feature names were given for columns that have names"),
        (mixed(extra=[1]), {}, "all columns must have the same number of rows, got size 3.*extra 1"),
        (mixed(), {"categorical": ("kinf",)}, "no column 'kinf' to take as categorical, did you mean 'kind'"),
        ({"a": [1.0, -np.inf, 2.0]}, {}, "column 'a' holds 1 infinite values, the first in row 1"),
        ({"a": [1, "two", 3]}, {}, "column 'a' holds 'two' in row 1, which is not a number"),
        ({"a": [[1], [2], [3]]}, {}, r"column 'a' must have one dimension, got shape \(3, 1\)"),
        ({"a": np.array(["2024-01-01"] * 3, "M8[D]")}, {}, r"column 'a' holds datetime64\[D\]"),
        (np.zeros((4, 1)), {}, "X has 4 rows and y has 3"),
    ],
)
def test_columns_that_can_not_be_are_refused(x, options, message):
    with pytest.raises(DataError, match=message):
        ArrayData(x, [1.0, 2.0, 3.0], **options).rows()


# Groups, time and weights


def test_groups_are_numbered():
    data = ArrayData(X, NUMBERS, groups=list("bbbaaaccccbb"))
    assert data.rows().groups.tolist() == [1, 1, 1, 0, 0, 0, 2, 2, 2, 2, 1, 1]
    assert data.schema.group == "groups"


def test_dates_are_time():
    days = [dt.date(2024, 1, day) for day in range(12, 0, -1)]
    data = ArrayData(X, NUMBERS, time=days)
    assert data.schema.time == "time"
    assert data.split().validation.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [1, 2]}, "X has 12 rows and groups has 2"),
        ({"groups": [1.0, np.nan, *range(10)]}, "groups has no value in 1 rows, the first is row 1"),
        ({"time": [None, *range(11)]}, "time has no value in 1 rows, the first is row 0"),
        ({"time": np.array(["NaT"] * 12, "M8[D]")}, "time has no value in 12 rows"),
        ({"weights": [-1.0] * 12}, r"weights must be finite and not negative, got -1.0 in row 0"),
        ({"weights": ["heavy"] * 12}, "weights must be numbers"),
        ({"weights": [0.0] * 12}, "every row has weight 0"),
        ({"weights": np.ones((12, 1))}, r"weights must have one dimension, got shape \(12, 1\)"),
    ],
)
def test_what_goes_with_the_rows_is_checked(options, message):
    with pytest.raises(DataError, match=message):
        ArrayData(X, NUMBERS, **options).rows()


# Reading rows as another schema has them


def test_rows_are_read_by_the_names_and_codes_of_a_schema():
    schema = ArrayData(mixed(), [1.0, 2.0, 3.0]).schema
    other = {"kind": ["quince", "pear"], "more": [1, 2], "ripe": [False, None], "size": [5, 6]}
    rows = ArrayData(other).rows_like(schema)
    assert rows.schema is schema
    assert rows.targets is None
    np.testing.assert_array_equal(rows.inputs["numeric"], [[5, 0], [6, np.nan]])
    np.testing.assert_array_equal(rows.inputs["categorical"], [[0], [2]])


def test_an_array_is_read_by_the_places_of_its_columns():
    schema = ArrayData(X, NUMBERS, feature_names=("a", "b")).schema
    np.testing.assert_array_equal(ArrayData(X[:3]).rows_like(schema).inputs["numeric"], X[:3])
    swapped = ArrayData(X[:3], feature_names=("b", "a")).rows_like(schema)
    np.testing.assert_array_equal(swapped.inputs["numeric"], X[:3, ::-1])


def test_rows_can_be_read_again_under_their_own_schema_and_under_another():
    data = ArrayData(ArrayData(mixed(), [1.0, 2.0, 3.0]).rows())
    again = data.rows_like(data.schema)
    for name, column in data.rows().inputs.items():
        np.testing.assert_array_equal(again.inputs[name], column)
    recoded = ArrayData(mixed(kind=["apple", "kiwi", "pear"]), [1.0, 2.0, 3.0]).schema
    assert data.rows_like(recoded).inputs["categorical"].tolist() == [[3], [0], [1]]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({"a": [1.0], "bb": [2.0]}, "there is no column 'b', did you mean 'bb'"),
        (np.zeros((2, 3)), "X must have 2 features, got 3: a, b"),
        ({"a": ["much"], "b": [2.0]}, "column 'a' holds 'much' in row 0, which is not a number"),
    ],
)
def test_rows_that_a_schema_does_not_know_are_refused(x, message):
    schema = ArrayData(X, NUMBERS, feature_names=("a", "b")).schema
    with pytest.raises(DataError, match=message):
        ArrayData(x).rows_like(schema)


# Splits and batches


def test_rows_are_held_out_as_asked():
    data = ArrayData(X, NUMBERS, validation=SplitConfig(fraction=0.25), test=SplitConfig(fraction=0.5))
    split = data.split()
    assert [len(split.train), len(split.validation), len(split.test)] == [4, 2, 6]
    assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(range(12))
    assert data.split() is split


def test_all_rows_can_be_kept_to_train_on():
    data = ArrayData(X, NUMBERS, validation=None)
    assert data.split().train.tolist() == list(range(12))
    assert list(data.validation_batches(BatchConfig())) == []


def test_a_last_batch_is_filled_up_with_rows_that_weigh_nothing():
    data = ArrayData(X, NUMBERS, weights=np.arange(1.0, 13.0), validation=None)
    first, last = data.training_batches(BatchConfig(batch_size=7, shuffle=False))
    assert first.weights.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert last.weights.tolist() == [8, 9, 10, 11, 12, 0, 0]
    assert last.inputs["numeric"].shape == (7, 2)
    assert data.rows().weights.tolist() == list(range(1, 13))


def test_a_last_batch_can_be_left_out():
    batches = ArrayData(X, NUMBERS, validation=None).training_batches(BatchConfig(batch_size=7, drop_last=True))
    assert len(list(batches)) == 1


def test_batches_are_shuffled_by_seed_and_come_the_same_again():
    data = ArrayData(X, NUMBERS, validation=None)
    drawn = [data.training_batches(BatchConfig(batch_size=12, seed=seed)) for seed in (1, 1, 2)]
    order = [[batch.inputs["numeric"][:, 0].tolist() for batch in batches] for batches in (*drawn, drawn[0])]
    assert order[0] == order[1] == order[3]
    assert order[0] != order[2]
    assert sorted(order[0][0]) == X[:, 0].tolist()


def test_validation_rows_are_never_shuffled_or_left_out():
    data = ArrayData(X, NUMBERS, validation=SplitConfig(fraction=0.4))
    (batch,) = data.validation_batches(BatchConfig(batch_size=8, drop_last=True))
    assert batch.inputs["numeric"][:5].tolist() == X[data.split().validation].tolist()
    assert batch.weights.tolist() == [1] * 5 + [0] * 3


# What is known of it


def test_the_content_has_a_fingerprint():
    def fingerprint(x, y, **options):
        return ArrayData(x, y, **options).metadata["sha256"]

    own = fingerprint(X, NUMBERS)
    assert own == fingerprint(X.copy(), NUMBERS.tolist())
    others = [
        fingerprint(X + 1, NUMBERS),
        fingerprint(X, NUMBERS + 1),
        fingerprint(X, NUMBERS, feature_names=("a", "b")),
        fingerprint(X, NUMBERS, weights=np.ones(12)),
        fingerprint(X, NUMBERS, groups=np.arange(12)),
    ]
    assert len({own, *others}) == 6


def test_it_says_how_many_rows_it_has():
    assert ArrayData(X, NUMBERS).metadata["rows"] == 12


def test_constructing_one_reads_nothing_and_closing_twice_is_fine():
    data = ArrayData(np.zeros(3), None)
    data.close()
    data.close()
