"""Inference of features and targets, and their encoding."""

import csv
import gzip
import hashlib
import math

import numpy as np
import pytest
from gm_csv_data import CSVDataProvider
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gmcore.domain import Kind, TargetKind

nan = math.nan


@pytest.fixture
def read(tmp_path):
    """Write a file and return its rows; `y` is the target by default."""

    def read(text, **options):
        path = tmp_path / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return CSVDataProvider(path=path, **({"target": "y"} | options)).rows()

    return read


def column(values):
    """Return a file with these values in column `a`, and two classes."""
    return "a,y\n" + "".join(f"{value},{'pq'[i % 2]}\n" for i, value in enumerate(values))


def target(values):
    """Return a file with these values as target."""
    return "a,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        (["1", "2", "3"], Kind.NUMERIC, [1, 2, 3]),
        (["1", "", "2.5e3"], Kind.NUMERIC, [1, nan, 2500]),
        (["NA", "?", "-.5", "null"], Kind.NUMERIC, [nan, nan, -0.5, nan]),
        ([" 1", "+2 ", "NaN"], Kind.NUMERIC, [1, 2, nan]),
        (["0", "1", "0"], Kind.NUMERIC, [0, 1, 0]),
        (["007", "99999999999999999999"], Kind.NUMERIC, [7, 1e20]),
        (["true", "false", ""], Kind.BOOLEAN, [1, 0, nan]),
        (["TRUE", "False", "no", "Yes"], Kind.BOOLEAN, [1, 0, 0, 1]),
    ],
)
def test_numbers_and_booleans_become_numbers(read, values, kind, found):
    rows = read(column(values))
    assert rows.schema.features[0].kind is kind
    np.testing.assert_array_equal(rows.inputs["numeric"][:, 0], found)


def test_texts_become_codes_in_sorted_order_and_0_where_missing(read):
    rows = read(column(["red", "", "blue", " red ", "N/A", "émail"]))
    assert rows.schema.features[0].categories == ("blue", "red", "émail")
    assert rows.inputs["categorical"][:, 0].tolist() == [2, 0, 1, 2, 0, 3]
    assert rows.inputs["categorical"].dtype == np.int32
    assert "numeric" not in rows.inputs


@pytest.mark.parametrize(
    ("kind", "values", "inputs"),
    [
        ("categorical", ["10", "9", "", "9"], [2, 1, 0, 1]),
        ("categorical", ["01", "1", "true", "1"], [1, 2, 3, 2]),
        ("boolean", ["1", "0", "Y", "off"], [1, 0, 1, 0]),
        ("numeric", ["1", "2", "-", "3"], [1, 2, nan, 3]),
    ],
)
def test_a_type_can_be_given(read, kind, values, inputs):
    rows = read(column(values), types={"a": kind}, missing=("-",))
    assert rows.schema.features[0].kind == kind
    np.testing.assert_array_equal(next(iter(rows.inputs.values()))[:, 0], inputs)


def test_a_float_after_the_sample_of_integers_is_read_as_a_number(read):
    values = [*range(12_000), 0.5, "", "+7"]
    np.testing.assert_array_equal(read(column(values)).inputs["numeric"][-4:, 0], [11_999, 0.5, nan, 7])


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        (["no", "yes", "no"], TargetKind.BINARY, ("no", "yes")),
        (["b", "c", "a"], TargetKind.MULTICLASS, ("a", "b", "c")),
        (["True", "False", "True"], TargetKind.BINARY, ("False", "True")),
        ([10, 9, 2, 10, 9, 2], TargetKind.MULTICLASS, ("2", "9", "10")),
        (["0.0", "1.0", "1.0", "0.0"], TargetKind.BINARY, ("0.0", "1.0")),
        ([0.5, 1.5, 2.5, 0.5, 1.5, 2.5], TargetKind.REGRESSION, ()),
        ([*range(21), *range(21)], TargetKind.REGRESSION, ()),
        ([3, 1, 2], TargetKind.REGRESSION, ()),
    ],
)
def test_the_task_is_inferred_from_the_target(read, values, kind, classes):
    found = read(target(values)).schema.target
    assert (found.kind, found.classes) == (kind, classes)


def test_the_task_can_be_given(read):
    rows = read(target([1, 2, 1, 2]), task="regression")
    assert rows.targets.tolist() == [[1.0], [2.0], [1.0], [2.0]]
    assert read(target([0.5, 1.5, 2.5]), task="classification").schema.target.classes == ("0.5", "1.5", "2.5")


def test_the_order_of_classes_can_be_given(read):
    rows = read(target(["ill", "well", "ill"]), classes=("well", "ill", "dead"))
    assert rows.schema.target.classes == ("well", "ill", "dead")
    assert rows.targets.tolist() == [1, 0, 1]


def test_several_targets_are_numeric(read):
    rows = read("a,y,z\n1,2,3\n4,5,6\n", target=("z", "y"))
    assert rows.schema.target.names == ("z", "y")
    assert rows.targets.tolist() == [[3.0, 2.0], [6.0, 5.0]]


def test_group_time_and_weight_are_not_features(read):
    rows = read(
        "a,y,g,t,w\n1,p,v,2024-01-02,1\n2,q,u,2024-01-01T22:00:00-02:00,2.5\n3,q,v,2024-01-01 10:00:00Z,0\n",
        group="g",
        time="t",
        weight="w",
    )
    assert [feature.name for feature in rows.schema.features] == ["a"]
    assert (rows.schema.group, rows.schema.time) == ("g", "t")
    assert rows.groups.tolist() == [1, 0, 1]
    assert np.argsort(rows.time, kind="stable").tolist() == [2, 0, 1]
    assert rows.weights.tolist() == [1, 2.5, 0]


def test_time_can_be_a_number(read):
    assert read("a,y,t\n1,p,10\n2,q,9.5\n", time="t").time.tolist() == [10, 9.5]


def test_the_latest_rows_are_the_validation_rows(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,y,t\n" + "".join(f"{i},{'pq'[i % 2]},2024-01-{20 - i:02}\n" for i in range(10)))
    assert CSVDataProvider(path=path, target="y", time="t").split().validation.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"a,b,y\n1,x,p\n2,z,q\n", {}),
        (b"\xef\xbb\xbfa,b,y\r\n1,x,p\r\n\r\n2,z,q\r\n\r\n", {}),
        (b"\n a , b,y\n1, x,p \n  \n2,z,q", {}),
        (b"a;b;y\n1;x;p\n2;z;q\n", {"separator": ";"}),
        (b"a\tb\ty\n1\tx\tp\n2\tz\tq\n", {"separator": "\t"}),
        (gzip.compress(b"a,b,y\n1,x,p\n2,z,q\n", mtime=0), {}),
        (gzip.compress("a,b,y\n1,x,p\n2,z,q\n".encode("utf-16"), mtime=0), {"encoding": "utf-16"}),
        (b"a,b,y,\n1,x,p,\n2,z,q,\n", {"drop": ("",)}),
    ],
)
def test_the_same_table_in_several_formats(read, content, options):
    rows = read(content, **options)
    assert [feature.name for feature in rows.schema.features] == ["a", "b"]
    assert rows.inputs["numeric"].tolist() == [[1.0], [2.0]]
    assert rows.inputs["categorical"].tolist() == [[1], [2]]
    assert rows.targets.tolist() == [0, 1]


def test_latin_1_is_read_with_its_encoding(read):
    assert read("a,y\n1,né\n2,q\n".encode("latin-1"), encoding="latin-1").schema.target.classes == ("né", "q")


def test_an_existing_path_is_not_a_pattern(tmp_path):
    path = tmp_path / "run[1]*.csv"
    path.write_text("a,y\n1,p\n2,q\n")
    assert len(CSVDataProvider(path=path, target="y").rows()) == 2


def test_metadata_has_the_file_its_hash_and_its_columns(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,y,z\n1,p,0\n2,q,0\n")
    metadata = CSVDataProvider(path=str(path), target="y", drop=["z"]).metadata
    assert metadata["source"] == str(path)
    assert metadata["rows"] == 2
    assert metadata["columns"] == ("a", "y", "z")
    assert metadata["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n",'), max_size=8).map(str.strip)
records = st.tuples(
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.sampled_from(["true", "false", ""]),
    st.floats(allow_nan=False, allow_infinity=False),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(table=st.lists(records, min_size=2, max_size=30).filter(lambda table: len({row[3] for row in table}) > 1))
def test_written_values_are_read_back(tmp_path, table):
    path = tmp_path / "round.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["number", "text, with a comma", "boolean", "y"], *table])
    types = {"number": "numeric", "text, with a comma": "categorical", "boolean": "boolean"}
    rows = CSVDataProvider(path=path, target="y", types=types, task="regression", missing=()).rows()
    numbers, words, booleans, values = zip(*table, strict=True)
    known = ("", *sorted(set(words) - {""}))
    logical = {"true": 1.0, "false": 0.0, "": nan}
    np.testing.assert_array_equal(rows.inputs["numeric"][:, 0], [nan if n is None else n for n in numbers])
    np.testing.assert_array_equal(rows.inputs["numeric"][:, 1], [logical[b] for b in booleans])
    assert {known[code] for code in rows.inputs["categorical"][:, 0]} == set(words)
    categories = ("", *rows.schema.categorical[0].categories)
    assert [categories[code] for code in rows.inputs["categorical"][:, 0]] == list(words)
    np.testing.assert_array_equal(rows.targets[:, 0], values)
