"""Columns and targets in memory are encoded, or rejected with a clear message."""

import datetime as dt
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Feature, Kind, TargetKind
from gmcore.errors import DataError

X = np.arange(24.0).reshape(12, 2)
NUMBERS = np.linspace(0, 1, 12)


def target_of(y, **options):
    return ArrayData(np.zeros((len(y), 1)), y, **options).schema.target


def mixed(**more):
    return {"size": [1.0, np.nan, 3.0], "ripe": [True, False, True], "kind": ["pear", None, "apple"], **more}


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


def test_classes_can_be_put_in_order_and_be_more_than_are_there():
    data = ArrayData(np.zeros((3, 1)), [0.0, 1.0, 0.0], classes=["1", "0", "2"])
    assert data.classes == data.schema.target.classes == ("1", "0", "2")
    assert data.schema.target.kind is TargetKind.MULTICLASS
    assert data.rows().targets.tolist() == [1, 0, 1]


def test_targets_can_be_named():
    for names in (("north", "east"), ["north", "east"], pl.Series(["north", "east"])):
        data = ArrayData(X, X, target_names=names)
        assert data.target_names == data.schema.target.names == ("north", "east")


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([1.0, np.nan, np.nan], {}, "2 rows have no target, the first is row 1"),
        (["a", None, "b"], {}, "1 rows have no target, the first is row 1"),
        ([1.0, np.inf], {}, "y has 1 infinite values, the first in row 1"),
        (["a", "a"], {}, "y must have at least two classes, got 'a' in every row"),
        ([*map(str, range(50))], {}, "y has 50 different strings in 50 rows, which are too many for classes"),
        ([1, "a", 1], {}, "y has both strings and numbers"),
        ([2**70, 1], {}, "y has integers that don't fit 64 bits"),
        ([dt.date(2024, 1, 1)] * 2, {}, "y has dates, such as 2024-01-01, which can't be predicted: pass numbers"),
        (np.array(["2024-01-01"] * 2, "M8[D]"), {}, "y has dates, such as 2024-01-01, which can't be predicted"),
        (["2024-01-01", "2024-01-02"], {}, "y has dates, such as '2024-01-01', which can't be predicted"),
        ([dt.time(1)] * 2, {}, r"y has values of type time, such as datetime\.time\(1, 0\)"),
        ([0, 1], {"classes": (0, 1, "many")}, "classes: the class 'many' is not a value of dtype int64"),
        (["a", "b"], {"task": "regression"}, "y must be numeric for regression, got strings such as 'a'"),
        ([["a", "b"], ["b", "a"]], {}, "y must have one column for classification, got 2: pass task='multilabel'"),
        ([[0, 1], [2, 0]], {"task": "multilabel"}, r"0 and 1, or booleans, for several labels, got \[2, 0\] in row 1"),
        ([["a"], ["b"]], {"task": "multilabel"}, r"0 and 1, or booleans, for several labels, got \['a'\] in row 0"),
        ([[0, 1], [1, 0]], {"task": "multilabel", "classes": (0, 1)}, "labels that a row has or not have none"),
        (np.ones((2, 3, 2)) * np.inf, {}, "y has 12 infinite values|y has 6 infinite values"),
        ([1j, 2j], {}, "y has dtype complex128"),
        (["a", "b"], {"classes": ("b", "c")}, "y has 'a', which is not among the classes b, c"),
        ([0.5, 1.5], {"target_names": ("a", "b")}, "2 target names for 1 target columns"),
    ],
)
def test_a_target_that_can_not_be_is_refused(y, options, message):
    with pytest.raises(DataError, match=message):
        target_of(y, **options)


def test_rows_without_targets_can_not_be_learnt_from():
    with pytest.raises(DataError, match="these rows have no targets: pass y"):
        ArrayData(X).rows()


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
    data = ArrayData({"zip": [10.0, 9.0, np.nan]}, [1.0, 2.0, 3.0], types={"zip": "categorical"})
    assert data.schema.features == (Feature(name="zip", kind=Kind.CATEGORICAL, categories=("9", "10")),)
    assert data.rows().inputs["categorical"].tolist() == [[2], [1], [0]]


def test_texts_and_numbers_can_be_categories_in_the_order_of_their_texts():
    data = ArrayData({"size": ["b", 9, "a", 10.0, None]}, np.linspace(0, 1, 5), types={"size": "categorical"})
    assert data.schema.features[0].categories == ("10", "9", "a", "b")
    assert data.rows().inputs["categorical"].tolist() == [[4], [2], [3], [1], [0]]


def test_zeros_and_ones_can_be_booleans():
    data = ArrayData({"ripe": [0, 1, None]}, [1.0, 2.0, 3.0], types={"ripe": "boolean"})
    assert data.schema.features == (Feature(name="ripe", kind=Kind.BOOLEAN),)


def test_columns_of_an_array_can_be_named():
    assert [f.name for f in ArrayData(X, NUMBERS).schema.features] == ["x0", "x1"]
    named = ArrayData(X, NUMBERS, feature_names=["a", "b"])
    assert [f.name for f in named.schema.features] == ["a", "b"]
    assert named.feature_names == ("a", "b")


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.zeros(3), {}, r"X must have shape \(rows, features\), got \(3,\)"),
        (np.zeros((3, 0)), {}, "at least one row and one feature"),
        (np.zeros((0, 3)), {}, "at least one row and one feature"),
        (np.zeros((3, 2)), {"feature_names": ("a",)}, "1 distinct feature names for 2 features"),
        (np.zeros((3, 2)), {"feature_names": ("a", "a")}, "1 distinct feature names for 2 features"),
        (mixed(), {"feature_names": ("a",)}, "feature_names applies to arrays only"),
        (mixed(extra=[1]), {}, "all columns must have the same number of rows, got size 3.*extra 1"),
        (mixed(), {"types": {"kinf": "categorical"}}, "no column 'kinf' to treat as categorical, did you mean 'kind'"),
        ({"a": [1.0, -np.inf, 2.0]}, {}, "column 'a' has 1 infinite values, the first in row 1"),
        ({"a": [1, "two", 3]}, {}, "column 'a' has 'two' in row 1, which is not a number"),
        ({"a": [0, 1, 2]}, {"types": {"a": "boolean"}}, "'a' has 1 values that are neither true nor false.* row 2"),
        ({"a": np.array([1] * 3, "m8[D]")}, {}, r"column 'a' has dtype timedelta64\[D\].*for durations, pass numbers"),
        (np.zeros((4, 1)), {}, "X and y must have the same number of rows, got 4 and 3"),
    ],
)
def test_columns_that_can_not_be_are_refused(x, options, message):
    with pytest.raises(DataError, match=message):
        ArrayData(x, [1.0, 2.0, 3.0], **options).rows()
