"""Formats of files: header, names, skipped lines, quotes, escapes, comments, trailing separators, line endings."""

import os

import pytest
from gm_csv_data import CSVDataProvider
from gm_csv_data.files import frames

from gmcore.errors import DataError


@pytest.fixture
def read(tmp_path):
    """Write a file and return its features and rows as one list of columns."""

    def read(text, **options):
        path = tmp_path / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        rows = CSVDataProvider(path=path, **({"target": "y"} | options)).rows()
        names = [feature.name for feature in rows.schema.features]
        return names, rows.inputs["numeric"].tolist(), [rows.schema.target.classes[code] for code in rows.targets]

    return read


@pytest.fixture
def refusal(read, tmp_path):
    def refusal(text, **options):
        with pytest.raises(DataError) as caught:
            read(text, **options)
        return str(caught.value).replace(f"{tmp_path}{os.sep}", "")

    return refusal


EXPECTED = (["a", "b"], [[1.0, 5.0], [2.0, 7.0]], ["p", "q"])


@pytest.mark.parametrize("size", [1 << 24, 8])
@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("1,5,p\n2,7,q\n", {"names": ("a", "b", "y")}),
        ("\n1,5,p\n\n2,7,q\n", {"names": ("a", "b", "y"), "header": False}),
        (b"\xef\xbb\xbf1,5,p\n2,7,q\n", {"names": ("a", "b", "y")}),
        ("x,z,w\n1,5,p\n2,7,q\n", {"names": ("a", "b", "y"), "header": True}),
        ('a report, of "today\n\na,b,y\n1,5,p\n2,7,q\n', {"skip_rows": 2}),
        ('x "\ny\n1,5,p\n2,7,q\n', {"skip_rows": 2, "names": ("a", "b", "y")}),
        ("x\na,b,y\n1,5,p\n2,7,q\n".encode("utf-16"), {"skip_rows": 1, "encoding": "utf-16"}),
        ('# one, "two\na,b,y\n1,5,p\n#three\n2,7,q\n', {"comment": "#"}),
        ("'a','b','y'\n1,'5','p'\n2,7,q\n", {"quote": "'"}),
        ("a,b,y\n\\1,5,\\p\n2,7,q\n", {"escape": "\\"}),
        ("a,b,y,\n1,5,p,\n2,7,q,\n", {}),
        ("a,b,y\n1,5,p,\n2,7,q, \n", {}),
        ("1,5,p,\n2,7,q,\n", {"names": ("a", "b", "y")}),
        ("a,b,y\r1,5,p\r2,7,q\r", {}),
        ("\ra,b,y\r1,5,p\r\r2,7,q", {}),
    ],
)
def test_the_same_table_in_several_formats(read, content, options, size, monkeypatch):
    monkeypatch.setattr(frames, "_BLOCK_BYTES", size)
    assert read(content, **options) == EXPECTED


def test_without_header_and_names_columns_are_numbered(read):
    assert read("1,5,p\n2,7,q\n", header=False, target="column_3")[0] == ["column_1", "column_2"]


@pytest.mark.parametrize(
    ("text", "options", "fields"),
    [
        ("a,y\n1,'p,r'\n2,'it''s'\n", {"quote": "'"}, ["it's", "p,r"]),
        ('a,y\n1,"p\n2,q"\n', {"quote": ""}, ['"p', 'q"']),
        ('a;y\n1;"p\n2;q"\n', {"quote": "", "separator": ";"}, ['"p', 'q"']),
        ('a,y\n1,"p\\,r\n2,q"\n', {"quote": "", "escape": "\\"}, ['"p,r', 'q"']),
        ("a;y\n1;'p;r'\n2;q\\;\n", {"quote": "'", "escape": "\\", "separator": ";"}, ["p;r", "q;"]),
        ("a,y\n1,p\\,r\n2,q\\\\\n", {"escape": "\\"}, ["p,r", "q\\"]),
        ('a,y\n1,"#p\n#q"\n#2,x\n3,z\n', {"comment": "#"}, ["#p\n#q", "z"]),
    ],
)
def test_fields_with_quotes_escapes_and_comments(tmp_path, text, options, fields):
    path = tmp_path / "data.csv"
    path.write_text(text)
    assert sorted(CSVDataProvider(path=path, target="y", **options).schema.target.classes) == fields


def test_a_header_that_looks_like_data_is_reported(read, refusal, caplog):
    text, warning = (
        "5.1,3,p\n4.9,2,q\n1,2,p\n",
        "data.csv, line 1: the header looks like data ('5.1', '3'); if the file",
    )
    read(text, target="p")
    assert warning in caplog.text
    caplog.clear()
    read(text, target="p", header=True)
    read("1990,1991,1992,y\n1,2,3,p\n4,5,6,q\n")
    assert caplog.messages == []
    assert "(available: 3, 5.1, p); if the file has no header, set header = false" in refusal(text)
    assert "got '3' 2 times; if the file has no header, set header = false" in refusal("5.1,3,3\n1,2,4\n")


def test_further_marks_for_missing_values_keep_the_default_ones(read, refusal):
    text = "a,y\n1,p\n#N/A,q\nNA,q\n4,p\n"
    assert str(read(text, extra_missing=("#N/A",))[1]) == "[[1.0], [nan], [nan], [4.0]]"
    assert "'NA' is a default mark that 'missing' replaces, 'extra_missing' adds marks" in refusal(
        text, missing=["#N/A"]
    )


def test_all_errors_are_reported_at_once(refusal):
    message = refusal("a,b,t,y\n1,inf,3,p\nx,2,1,\n3,4,,q\n", time="t")
    assert message.splitlines()[0] == "data.csv: 4 problems"
    for part in ("column 'y': 1 of 3", "line 3, column 'a': 'x'", "column 't': 1 of 3", "line 2, column 'b': inf"):
        assert part in message


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ('a,y\n1,p\n"2,q\n3,r\n', {}, "line 3: a quotation mark opens here and is not closed"),
        ('a,b,y\n1,"x\nz",p\n2,"w,q\n3,"r",s\n', {}, "line 4: a quotation mark opens here and is not closed"),
        ('# "\na,y\n1,p\n"2,q\n', {"comment": "#"}, "line 4: a quotation mark opens here and is not closed"),
        ("a,y\n1,p\n2,q\n", {"names": ("a", "b", "y")}, "names has 3 names, but the file has 2 columns"),
        ("1,2\n1,2\n1\n", {"names": ("a", "y")}, "line 3: the first row has 2 fields, but this row has 1"),
        ("a,y\n1\n1,p\n1\n2\n", {}, "line 2: the header has 2 fields, but this row has 1; 2 more rows do not fit"),
        ("a,y\n1,p\n", {"skip_rows": 2}, "is empty"),
        ("#a,y\n", {"comment": "#"}, "is empty"),
        (b"PAR1\x15\x04", {}, "data.csv is a Parquet file; save it as CSV first"),
        (b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", {}, "data.csv is an Excel file; save it as CSV first"),
        (b"PK\x03\x04\x14\0\x06\0rows.csv", {}, "data.csv is a zip file; decompress it first, or use gzip"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(refusal, text, options, message):
    assert message in refusal(text, **options)


def test_a_column_may_have_the_name_of_a_format(read):
    assert read("PAR1,y\n1,p\n2,q\n")[0] == ["PAR1"]


def test_a_long_field_is_read_and_shortened_in_messages(read, refusal):
    assert read(f"a,b,y\n1,{'x' * 200_000},p\n2,z,q\n", drop=("b",))[0] == ["a"]
    assert len(refusal(f"a,y\n1,p\n2,q\n{'x' * 200_000},q\n")) < 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quote": ";", "separator": ";"}, "separator, quote, escape and comment must differ, got ';', ';'"),
        ({"comment": "a"}, "comment must be empty or one ASCII punctuation character, got 'a'"),
        ({"skip_rows": -1}, "'skip_rows' must be >= 0"),
        ({"encoding": "zlib"}, "encoding must be a codec known to Python"),
        ({"date_format": "iso"}, "date_format must have directives such as '%d.%m.%Y', got 'iso'"),
    ],
)
def test_inconsistent_formats_are_rejected(options, message):
    with pytest.raises(ValueError, match="must") as caught:
        CSVDataProvider(path="nowhere.csv", **options)
    assert message in str(caught.value)


def rejected(path):
    with pytest.raises(DataError) as caught:
        CSVDataProvider(path=path, target="y").rows()
    return str(caught.value)


def test_paths_that_are_no_files_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert "pipe is a pipe; write its content to a file" in rejected(tmp_path / "pipe")
    assert rejected("/dev/zero") == "/dev/zero is a device; write its content to a file, which is read more than once"
    assert "a\\x00b.csv' is not a path: it has a null character" in rejected(tmp_path / "a\0b.csv")
    assert rejected(tmp_path / ("x" * 300)).endswith("xxx can't be read: File name too long")
    assert "Too many levels of symbolic links" in rejected(tmp_path / "loop")
    assert "there is no file ~nobody/a.csv" in rejected("~nobody/a.csv")


def test_a_pattern_may_be_in_a_folder_with_brackets(tmp_path):
    folder = tmp_path / "run[1]"
    folder.mkdir()
    for name in "ab":
        (folder / f"part-{name}.csv").write_text("a,y\n1,p\n2,q\n")
    assert len(CSVDataProvider(path=folder / "part-*.csv", target="y").rows()) == 4
    assert f"no file matches {folder}" in rejected(folder / "other-*.csv")
