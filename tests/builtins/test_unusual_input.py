"""Input that is nearly a table: each is right, or has a message that fits."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from gmcore.builtins.arrays import ArrayData
from gmcore.domain import TargetKind
from gmcore.errors import DataError

NUMBERS = [0.5, 1.5, 2.5]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (scipy.sparse.csr_array(np.eye(3)), r"X is sparse \(csr_array\): call its toarray\(\) first"),
        (scipy.sparse.coo_matrix(np.eye(3)), r"X is sparse \(coo_matrix\): call its toarray\(\) first"),
        (
            pl.LazyFrame({"a": NUMBERS}),
            r"X is a LazyFrame, whose rows are not computed yet: call its collect\(\) first",
        ),
        (np.zeros(3), r"got \(3,\): for one row, use \[x\]; for one feature, x.reshape\(-1, 1\)"),
        (0.5, r"X must have shape \(rows, features\), got \(\)"),
        ("rows.csv", "X must be rows, got 'rows.csv': read a file first, such as with model.read"),
        (pd.DataFrame([[1, 2, 3]] * 3, columns=["a", "b", "a"]), "column names must be unique, got 'a' 2 times"),
        ({1: NUMBERS, "1": NUMBERS}, "column names must be unique, got '1' 2 times"),
        ([[1.0, 2.0], [3.0], [4.0, 5.0]], "X has rows of different lengths"),
    ],
)
def test_what_is_not_rows_is_refused_in_training_and_in_prediction(x, message):
    with pytest.raises(DataError, match=message):
        ArrayData(x, NUMBERS).rows()
    schema = ArrayData({"a": NUMBERS}, NUMBERS).schema
    with pytest.raises(DataError, match=message):
        ArrayData(x).rows_like(schema)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (scipy.sparse.csr_array(np.ones((3, 1))), "y is sparse"),
        (pl.LazyFrame({"a": NUMBERS}), "y is a LazyFrame"),
        (np.ma.array(NUMBERS, mask=[False, True, False]), "1 rows have no target, the first is row 1"),
        (pd.Series([True, None, False], dtype="boolean"), "1 rows have no target, the first is row 1"),
        (pd.Series(["a", None, "b"], dtype="string"), "1 rows have no target, the first is row 1"),
    ],
)
def test_a_target_that_lacks_values_is_refused(y, message):
    with pytest.raises(DataError, match=message):
        ArrayData({"a": NUMBERS}, y).rows()


def test_a_masked_value_is_missing():
    masked = np.ma.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], mask=[[0, 1], [0, 0], [1, 0]])
    rows = ArrayData(masked, NUMBERS).rows()
    np.testing.assert_array_equal(rows.inputs["numeric"], [[1, np.nan], [3, 4], [np.nan, 6]])
    assert masked.data.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_a_masked_array_without_a_masked_value_is_an_array():
    assert ArrayData({"a": NUMBERS}, np.ma.array([0, 1, 0])).schema.target.dtype == "int64"


def test_a_masked_weight_is_refused():
    with pytest.raises(DataError, match=r"^1 of 3 rows has no value in weights, the first is row 0$"):
        ArrayData({"a": NUMBERS}, NUMBERS, weights=np.ma.array(NUMBERS, mask=[True, False, False])).rows()


def test_a_list_of_rows_keeps_the_type_of_each_column():
    rows = ArrayData([[1, "p"], [2, "q"], [3, "p"]], NUMBERS).rows()
    assert rows.inputs["numeric"].tolist() == [[1], [2], [3]]
    assert rows.schema.categorical[0].categories == ("p", "q")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.0, 1.0, 1.0, 0.0], TargetKind.BINARY),
        ([0, 1, 1, 0], TargetKind.BINARY),
        ([0.5, 1.5, 2.5] * 2, TargetKind.REGRESSION),
        ([1, 2, 3] * 2, TargetKind.MULTICLASS),
        ([3, 1, 2], TargetKind.REGRESSION),
        ([*range(21)] * 2, TargetKind.REGRESSION),
        ([True, False, True, True], TargetKind.BINARY),
        (["b", "c", "a"], TargetKind.MULTICLASS),
    ],
)
def test_a_target_is_of_the_same_kind_in_an_array_and_in_a_file(tmp_path, values, kind):
    from gm_csv_data import CSVDataProvider  # noqa: PLC0415 - a plugin, which only this test needs

    (tmp_path / "y.csv").write_text("a,y\n" + "".join(f"{row},{value}\n" for row, value in enumerate(values)))
    columns = {"a": np.arange(len(values))}
    in_memory = ArrayData(columns, values).schema.target
    in_a_file = CSVDataProvider(path=tmp_path / "y.csv", target="y").schema.target
    in_a_frame = ArrayData(columns, pl.read_csv(tmp_path / "y.csv")["y"]).schema.target
    assert in_memory.kind is in_a_file.kind is in_a_frame.kind is kind
    assert in_memory.labels.tolist() == in_a_file.labels.tolist() == in_a_frame.labels.tolist()


def test_categories_are_of_the_same_kind_in_a_frame_and_in_a_file(tmp_path):
    from gm_csv_data import CSVDataProvider  # noqa: PLC0415 - a plugin, which only this test needs

    frame = pd.DataFrame({"size": pd.Series([10, 9, None, 9], dtype="category"), "y": [0.5, 1.5, 2.5, 3.5]})
    frame.to_csv(tmp_path / "f.csv", index=False)
    read = CSVDataProvider(path=tmp_path / "f.csv", target="y", types={"size": "categorical"}).rows()
    given = ArrayData(frame[["size"]], frame["y"], target_names=("y",)).rows()
    assert read.inputs["categorical"].tolist() == given.inputs["categorical"].tolist() == [[2], [1], [0], [1]]
    assert ArrayData(frame[["size"]]).rows_like(read.schema).inputs["categorical"].tolist() == [[2], [1], [0], [1]]


def test_words_are_booleans_wherever_the_schema_comes_from():
    schema = ArrayData({"ripe": [True, False, None]}, NUMBERS).schema
    found = ArrayData({"ripe": ["Yes", "no", None, "true"]}).rows_like(schema).inputs["numeric"]
    np.testing.assert_array_equal(found, [[1], [0], [np.nan], [1]])
    with pytest.raises(DataError, match="column 'ripe' has 'perhaps' in row 1, which is neither true nor false"):
        ArrayData({"ripe": ["yes", "perhaps"]}).rows_like(schema)
