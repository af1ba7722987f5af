"""Error messages: file, line, column and value, and what to do."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gm_csv_data import CSVDataProvider
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gmcore.domain import Feature, Kind, Schema, Target, TargetKind
from gmcore.errors import DataError


@pytest.fixture
def refusal(tmp_path):
    """Return the error message for a file, without its folder."""

    def refusal(content, **options):
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        provider = CSVDataProvider(path=path, **({"target": "y"} | options))
        with pytest.raises(DataError) as caught:
            provider.rows()
        return str(caught.value).replace(f"{tmp_path}{os.sep}", "")

    return refusal


NUMBERS = "a,y\n1,p\n2,q\n3,p\n{},q\n"
MANY = "".join(f"t{i % 300},{'pq'[i % 2]}\n" for i in range(600))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "data.csv is empty: it has neither a header nor rows"),
        ("\n\n", "data.csv is empty: it has neither a header nor rows"),
        ("a,y\n", "data.csv has a header but no rows"),
        ("a,y\n\n  \n", "data.csv has a header but no rows"),
        ("a,a,y\n1,2,p\n", "data.csv, line 1: column names must be unique, got 'a' 2 times"),
        ("a,b\n1,p\n", "data.csv: there is no column 'y' (available: a, b)"),
        ("y\np\nq\n", "data.csv has no feature columns besides 'y'"),
        ("a,,y\n1,2,p\n3,4,q\n", "data.csv: column 2 has no name; name it, or set drop = ['']"),
        ("a;y\n1;p\n", "data.csv has only one column 'a;y'; if ';' separates fields, set separator = ';'"),
        ("a,b,y\n1,2,p\n\n1,2\n", "data.csv, line 4: the header has 3 fields, but this row has 2"),
        (
            "a,b,y\n1,2,p\n1,2,q,5\n",
            "data.csv, line 3: the header has 3 fields, but this row has 4; put fields that contain ',' in quotes",
        ),
        ('a,b,y\n"x\n,1",2,p\n1,2\n', "data.csv, line 4: the header has 3 fields, but this row has 2"),
        ('a,b,y\n"1,5",2,p\n1\n2,2,q\n', "data.csv, line 3: the header has 3 fields, but this row has 1"),
        (
            'a,y\n5" pipe,p\n2,q\n',
            'data.csv, line 2: unbalanced quotation marks; inside a quoted field, write "" for "',
        ),
        (
            NUMBERS.format("many"),
            (
                "data.csv, line 5, column 'a': 'many' is not a number, but 3 other values are; "
                "correct it, add it to 'missing', or set types = { 'a' = 'categorical' }"
            ),
        ),
        (
            'a,y\n"\n1",p\n\n2,q\nmany,q\n',
            (
                "data.csv, line 6, column 'a': 'many' is not a number, but 2 other values are; "
                "correct it, add it to 'missing', or set types = { 'a' = 'categorical' }"
            ),
        ),
        (
            NUMBERS.format("inf"),
            "data.csv, line 5, column 'a': inf is infinite; correct it or add it to 'missing'",
        ),
        (
            f"a,y\n{MANY}",
            (
                "data.csv, column 'a': 300 different texts are too many for a categorical feature; "
                "set drop = ['a'], or types = { 'a' = 'categorical' } to keep it"
            ),
        ),
        ("a,b,y\n1,,p\n2,?,q\n", "data.csv, column 'b': all values are missing; set drop = ['b']"),
        (
            "a,y\n1,p\n2,\n3,q\n4,NA\n",
            (
                "data.csv, column 'y': 2 of 4 values are missing, the first in line 3; set drop_missing_target = true "
                "to leave those rows out"
            ),
        ),
        ("a,y\n1,p\n2,p\n", "data.csv, column 'y': all rows have the value 'p', so there is nothing to learn"),
        (
            "a,y\n1,2.5\n2,3.5\n3,four\n",
            (
                "data.csv, line 4, column 'y': 'four' is not a number, but 2 other values are; "
                "correct it, add it to 'missing', or set task = 'classification'"
            ),
        ),
        (
            "a,y\n" + "".join(f"1,t{i}\n" for i in range(30)),
            "data.csv, column 'y': 30 different values in 30 rows are too many for classes; is this the target?",
        ),
        (
            b"a,y\n1,p\n2,\xe9\n",
            "data.csv, line 3: byte 0xe9 is not valid utf-8; set the file's encoding, such as encoding = 'latin-1'",
        ),
        (
            b"a,y\n1,p\n2,\xc3",
            "data.csv, line 3: byte 0xc3 is not valid utf-8; set the file's encoding, such as encoding = 'latin-1'",
        ),
        (
            "a,y\n1,p\n".encode("utf-16"),
            "data.csv, line 1: byte 0xff is not valid utf-8; set the file's encoding, such as encoding = 'utf-16'",
        ),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "data.csv is not a text file"),
        (
            gzip.compress(b"a,y\n1,p\n2,q\n" * 99, mtime=0)[:-20],
            "data.csv is a damaged gzip file: Compressed file ended before the end-of-stream marker was reached",
        ),
    ],
)
def test_a_malformed_file(refusal, content, message):
    assert refusal(content) == message


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            "a,diagnosis\n1,p\n",
            {"target": "diagnose"},
            "data.csv: there is no column 'diagnose', did you mean 'diagnosis'?",
        ),
        ("a,y\n1,p\n", {"target": ()}, "data.csv: no target is given; set target = 'column to predict'"),
        (
            "length,y\n1,p\n",
            {"drop": ("lenght",), "types": {"z": "numeric"}},
            (
                "data.csv: there is no column 'lenght', did you mean 'length'?; "
                "there is no column 'z' (available: length, y)"
            ),
        ),
        (
            "a,y\n1,p\nx,q\n",
            {"types": {"a": "numeric"}},
            "data.csv, line 3, column 'a': 'x' is not a number; correct it or add it to 'missing'",
        ),
        (
            "a,y\nyes,p\nperhaps,q\n",
            {"types": {"a": "boolean"}},
            "data.csv, line 3, column 'a': 'perhaps' is neither true nor false; correct it or add it to 'missing'",
        ),
        (
            "a,y\n1,well\n2,il\n",
            {"classes": ("well", "ill")},
            "data.csv, line 3, column 'y': 'il' is not one of the classes, did you mean 'ill'?",
        ),
        (
            "a,y\n1,wel\n2,ill\n",
            {"classes": ("well", "ill")},
            "data.csv, line 2, column 'y': 'wel' is not one of the classes, did you mean 'well'?",
        ),
        (
            "a,y\n1,p\n2,q\n",
            {"task": "regression"},
            "data.csv, line 2, column 'y': 'p' is not a number; correct it or add it to 'missing'",
        ),
        (
            "a,y,t\n1,p,2024-01-01\n2,q,soon\n",
            {"time": "t"},
            (
                "data.csv, line 3, column 't': 'soon' is not a time; "
                "write a number or an ISO date such as 2024-12-31, or set date_format"
            ),
        ),
        (
            "a,y,g\n1,p,u\n2,q,\n",
            {"group": "g"},
            "data.csv, column 'g': 1 of 2 values are missing, the first in line 3; remove those rows",
        ),
        (
            "a,y,w\n1,p,0\n2,q,-1\n",
            {"weight": "w"},
            "data.csv, line 3, column 'w': -1 is negative; weights must be at least 0",
        ),
        ("a,y,w\n1,p,0\n2,q,0\n", {"weight": "w"}, "data.csv, column 'w': all weights are 0"),
        (
            "a,y\n1,p\n",
            {"encoding": "utf-16"},
            "data.csv is not valid utf-16: UTF-16 stream does not start with BOM",
        ),
    ],
)
def test_options_that_do_not_fit_the_file(refusal, content, options, message):
    assert refusal(content, **options) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": "::"}, "separator must be one ASCII character that can't be part of a number, got '::'"),
        ({"encoding": "utf9"}, "encoding must be a codec known to Python, such as 'utf-8' or 'latin-1', got 'utf9'"),
        ({"types": {"a": "text"}}, "'types' must be in"),
        ({"types": {"y": "categorical"}}, "types are only for features, got 'y'; for a target, set task"),
        ({"task": "guess"}, "'task' must be in"),
        (
            {"group": "y"},
            "a column can have only one role, got 'y' more than once in target, group, time, weight, id and drop",
        ),
        ({"task": "regression", "classes": ("a", "b")}, "classes must be empty for task = 'regression', got 'a', 'b'"),
        ({"target": ("y", "z"), "task": "classification"}, "classification needs one target column, got 'y', 'z'"),
    ],
)
def test_inconsistent_options_are_rejected_before_the_file_is_read(options, message):
    with pytest.raises(ValueError, match="'") as caught:
        CSVDataProvider(**({"path": "nowhere.csv", "target": "y"} | options))
    assert message in str(caught.value)


def test_a_missing_file_suggests_a_similar_name(tmp_path):
    (tmp_path / "iris.csv").write_text("a,y\n1,p\n")
    with pytest.raises(DataError, match=r"there is no file .*irsi\.csv, did you mean 'iris\.csv'\?"):
        CSVDataProvider(path=tmp_path / "irsi.csv", target="y").rows()
    with pytest.raises(DataError, match=r"there is no directory .*nowhere"):
        CSVDataProvider(path=tmp_path / "nowhere" / "iris.csv", target="y").rows()


def test_a_directory_is_rejected(tmp_path):
    with pytest.raises(DataError, match="is a directory; name a CSV file in it"):
        CSVDataProvider(path=tmp_path, target="y").rows()


def test_a_file_without_read_permission_is_rejected(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,y\n1,p\n")
    path.chmod(0)
    code = "import sys; from gm_csv_data import CSVDataProvider; CSVDataProvider(path=sys.argv[1], target='y').rows()"
    command = [sys.executable, "-c", code, str(path)]
    if os.geteuid() == 0:  # root ignores permissions, unless it gives that capability up
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "DataError" in done.stderr
    assert "can't be read: Permission denied" in done.stderr


SCHEMA = Schema(
    features=(
        Feature(name="size"),
        Feature(name="open", kind=Kind.BOOLEAN),
        Feature(name="colour", kind=Kind.CATEGORICAL, categories=("1", "red")),
    ),
    target=Target(names=("y",), kind=TargetKind.REGRESSION),
)


def like(path: Path, content: str):
    path.write_text(content)
    return CSVDataProvider(path=path).rows_like(SCHEMA)


def test_rows_to_predict_need_only_the_features_in_any_order(tmp_path):
    rows = like(tmp_path / "new.csv", "extra,colour,open,size\nx,1,Yes,2\n,green,,\n3,red,0,1.5\n")
    assert rows.inputs["categorical"].tolist() == [[1], [0], [2]]
    assert rows.inputs["numeric"][[0, 2]].tolist() == [[2.0, 1.0], [1.5, 0.0]]
    assert rows.targets is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sizes,open,colour\n1,no,red\n", r"there is no column 'size', did you mean 'sizes'\?"),
        ("size,open,colour\n1,no,red\nbig,no,red\n", r"line 3, column 'size': 'big' is not a number"),
        ("size,open,colour\n1,ajar,red\n", r"line 2, column 'open': 'ajar' is neither true nor false"),
    ],
)
def test_rows_to_predict_must_have_the_features(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        like(tmp_path / "new.csv", content)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(content=st.text('a1.-,;"\n\r \0é', max_size=40).map(str.encode) | st.binary(max_size=40))
def test_any_file_is_read_or_rejected(tmp_path, content):
    path = tmp_path / "any.csv"
    for prefix in (b"", b"a,b,y\n1,x,p\n"):
        path.write_bytes(prefix + content)
        provider = CSVDataProvider(path=path, target="y")
        try:
            rows = provider.rows()
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017 - both outcomes are right
        else:
            assert len(rows) > 1
