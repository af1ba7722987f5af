"""Files read at once, in blocks or from the cache give the same rows and the same errors."""

import gzip
import os
from pathlib import Path

import pytest
from gm_csv_data import CSVDataProvider
from gm_csv_data.files import frames
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gmcore.errors import DataError

TEXT = "a,b,c,y\n" + "".join(f"{i * 0.5},{'uvw'[i % 3]},{i % 2 == 0},{'pq'[i % 2]}\n" for i in range(60))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(TEXT)
    return path


def outcome(path, *, cache, like=None, **options):
    """Return schema and arrays, or the error message."""
    try:
        data = CSVDataProvider(path=path, cache=cache, **({"target": "y"} | options))
        rows = data.rows() if like is None else data.rows_like(like)
    except DataError as error:
        return str(error)
    arrays = {**rows.inputs, "targets": rows.targets, "weights": rows.weights, "groups": rows.groups, "time": rows.time}
    found = {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items() if array is not None}
    return rows.schema, found, like or data.metadata


def assert_same_however_it_is_read(path, **options):
    """Read in memory at once, in small blocks, in small blocks into the cache, and from the cache."""
    expected = outcome(path, cache=False, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_BLOCK_BYTES", 24)
        assert outcome(path, cache=False, **options) == expected
        assert outcome(path, cache=True, **options) == expected
    assert outcome(path, cache=True, **options) == expected
    return expected


cells = st.one_of(
    st.integers(-3, 3).map(str),
    st.floats(-1e6, 1e6).map(str),
    st.sampled_from(["", "NA", "x", "y", " z ", "true", "no", "1e400", "inf", "+7", "007", "2024-01-02", "é"]),
    st.sampled_from(
        ['"a,b"', '"a\nb"', '"a ""b"""', '"1"', '""', '"1,5"', '"1,234"', "1 234", "€5", "5%", "31.12.2024"]
    ),
)
texts = ["red", "blue", "", '"a,b"', '"a\nb"', '"a ""b"""', '"\n\n"']
numbers = st.one_of(
    st.integers(-3, 30).map(str), st.floats(-1e6, 1e6).map(str), st.sampled_from(["", "NA", "+7", '"1,5"'])
)
columns = st.sampled_from(["number", "text", "anything"]).flatmap(
    lambda kind: st.lists(
        {"number": numbers, "text": st.sampled_from(texts), "anything": cells}[kind], min_size=1, max_size=7
    )
)
targets = st.one_of(st.permutations(["p", "q", '"r\ns"']), st.permutations(["0.5", "1.25", "3", "-1e3"]), columns)
OPTIONS = [
    {},
    {"task": "regression"},
    {"group": "a"},
    {"weight": "a"},
    {"time": "b"},
    {"types": {"a": "categorical", "b": "numeric"}},
    {"drop": ("b",), "missing": ("x",)},
    {"target": ("b", "y")},
    {"decimal": ","},
    {"thousands": ","},
    {"identifiers": "keep", "extra_missing": ("x",)},
    {"comment": "-"},
    {"quote": "'"},
    {"escape": "\\"},
    {"names": ("a", "b", "y")},
    {"skip_rows": 1, "names": ("a", "b", "y")},
]


@st.composite
def tables(draw):
    count = draw(st.integers(0, 25) | st.integers(8, 25))
    values = [draw(columns), draw(columns), draw(targets)]
    ending = draw(st.sampled_from(["\n", "\r\n", "\n\n", "\n  \n"]))
    lines = [",".join(column[row % len(column)] for column in values) for row in range(count)]
    if lines and draw(st.integers(0, 4)) == 0:
        lines[draw(st.integers(0, count - 1))] = draw(st.sampled_from(["", "1", "1,2", "1,2,3,4", '1,"2,3', "x,x,x"]))
    return ending.join(["a,b,y", *lines]) + draw(st.sampled_from(["", "\n", "\n\n"]))


def any_table(examples):
    """Return a test with so many tables."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples)
    @given(text=tables(), options=st.sampled_from(OPTIONS))
    def check(tmp_path, text, options):
        path = tmp_path / "data.csv"
        path.write_bytes(text.encode())
        assert_same_however_it_is_read(path, **options)

    return check


def any_bytes(examples):
    """Return a test with so many files."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples)
    @given(
        tail=st.text('a1.-,;"\n\r \0é', max_size=40).map(str.encode) | st.binary(max_size=40),
        options=st.sampled_from([{}, {"comment": "-"}, {"quote": "'"}, {"skip_rows": 2}, {"names": ("a", "b", "y")}]),
    )
    def check(tmp_path, tail, options):
        path = tmp_path / "data.csv"
        for head in (b"", b"a,b,y\n1,x,p\n2,y,q\n"):
            path.write_bytes(head + tail)
            assert_same_however_it_is_read(path, **options)

    return check


test_any_table_gives_the_same_rows_or_the_same_error = any_table(10)
test_any_bytes_give_the_same_rows_or_the_same_error = any_bytes(8)
test_many_tables_give_the_same_rows_or_the_same_errors = pytest.mark.slow(any_table(100))
test_many_bytes_give_the_same_rows_or_the_same_errors = pytest.mark.slow(any_bytes(100))


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("data.csv", TEXT.encode("utf-16"), {"encoding": "utf-16"}),
        ("data.csv", TEXT.replace("u", "é").encode("latin-1"), {"encoding": "latin-1"}),
        ("data.csv", b"\xef\xbb\xbf" + TEXT.replace(",", ";").encode(), {"separator": ";"}),
        ("data.csv.gz", gzip.compress(TEXT.encode()), {}),
        ("data.csv", TEXT.encode(), {"drop": ("c",), "classes": ("q", "p")}),
        ("data.csv", TEXT.encode() + b"9,u,true,r\n", {"classes": ("q", "p")}),
        ("data.csv", TEXT.encode() + b"many,u,true,p\n", {}),
        ("data.csv", TEXT.encode() + b"\xff,u,true,p\n", {}),
        ("data.csv", gzip.compress(TEXT.encode())[:-9], {}),
        ("data.csv", b"a\ry\r1\r2\r", {}),
        ("data.csv", 'a,b,y\n1,x,p\n2,y,q\n1\n""é\n'.encode(), {}),
    ],
)
def test_files_in_several_formats_and_malformed_ones(tmp_path, name, content, options):
    (tmp_path / name).write_bytes(content)
    assert_same_however_it_is_read(tmp_path / name, **options)


def test_values_that_do_not_fit_the_inferred_type(path, monkeypatch):
    monkeypatch.setattr(frames, "_SAMPLE", 5)
    path.write_text("a,b,y\n" + "".join(f"{i},{i % 2},{'pq'[i % 2]}\n" for i in range(30)) + "0.5,x,p\n+7,1.50,q\n")
    assert_same_however_it_is_read(path, types={"b": "categorical"})


def test_rows_to_predict_are_the_same_rows(path, tmp_path):
    schema = CSVDataProvider(path=path, target="y").schema
    new = tmp_path / "new.csv"
    for text in (TEXT, TEXT.replace("w", "new"), TEXT.replace("true", "perhaps"), TEXT.replace("a,b", "a,z")):
        new.write_text(text)
        assert_same_however_it_is_read(new, like=schema)


def test_several_files_are_one_table(path, tmp_path):
    head, *lines = TEXT.splitlines(keepends=True)
    parts = [tmp_path / f"part-{place}.csv" for place in range(3)]
    for place, part in enumerate(parts):
        part.write_text(head + "".join(lines[place * 20 : place * 20 + 20]))
    schema, arrays, _ = outcome(path, cache=False)
    for asked in (parts, tmp_path / "part-*.csv", [tmp_path / "part-[01].csv", parts[2]]):
        found = assert_same_however_it_is_read(asked)
        assert found[:2] == (schema, arrays)
        assert found[2]["rows"] == 60
    by_order = {outcome(asked, cache=False)[2]["sha256"] for asked in (parts, parts[::-1], parts[:2])}
    assert len(by_order) == 3


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("a,b,y\nmany,v,q\n", "part-2.csv, line 2, column 'a': 'many' is not a number, but 3 other values are"),
        ("a,b,y\n3,v,\n", "column 'y': 1 of 4 values are missing, the first in line 2 of {}part-2.csv"),
        ("a,b,z\n3,v,q\n", "part-2.csv has other columns than {}part-1.csv: a, b, z instead of a, b, y"),
        ("a,b,y\n", "part-2.csv has a header but no rows"),
        ("a,b,y\n1,2\n", "part-2.csv, line 2: the header has 3 fields, but this row has 2"),
    ],
)
def test_an_error_in_one_of_several_files_names_it(tmp_path, second, message):
    (tmp_path / "part-1.csv").write_text("a,b,y\n1,u,p\n2,v,q\n3,v,q\n")
    (tmp_path / "part-2.csv").write_text(second)
    assert message.format(f"{tmp_path}{os.sep}") in assert_same_however_it_is_read(tmp_path / "part-*.csv")


def test_a_pattern_that_matches_nothing_is_rejected(tmp_path):
    with pytest.raises(DataError, match=r"no file matches .*part-\*\.csv"):
        CSVDataProvider(path=tmp_path / "part-*.csv", target="y").rows()
    with pytest.raises(ValueError, match="path must name at least one file, got none"):
        CSVDataProvider(path=[], target="y")
    with pytest.raises(DataError, match="there is no file"):
        CSVDataProvider(path=Path("nowhere.csv"), target="y", cache=True).rows()
