"""Data frames of pandas, polars, NumPy and lists: every column type goes in, and labels come back as they were."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Kind
from gmcore.domain.data.dates import decode_dates
from gmcore.errors import DataError

COUNT = 24
SIZES = [round(0.5 * i - 3, 1) for i in range(COUNT)]
WHOLE = [i % 5 for i in range(COUNT)]
FLAGS = [i % 3 == 0 for i in range(COUNT)]
TEXTS = ["pqr"[i % 3] for i in range(COUNT)]
CODES = [(10, 9, 2)[i % 3] for i in range(COUNT)]


def gaps(values):
    return [None, *values[1:]]


DAYS = [dt.datetime(2024, 1, 31) + dt.timedelta(hours=7 * i) for i in range(COUNT)]  # noqa: DTZ001 - they have none
N, B, C, D = Kind.NUMERIC, Kind.BOOLEAN, Kind.CATEGORICAL, Kind.DATETIME
PANDAS = {
    "floats": (pd.Series(gaps(SIZES), dtype="float32"), N),
    "whole": (pd.Series(WHOLE, dtype="uint8"), N),
    "flags": (pd.Series(FLAGS), B),
    "objects": (pd.Series(gaps(TEXTS), dtype=object), C),
    "sparse": (pd.Series(pd.arrays.SparseArray([float(x) for x in WHOLE])), N),
    "dates": (pd.Series(gaps(DAYS)), D),
    "zoned dates": (pd.Series(gaps(DAYS)).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"), D),
}
NULLABLE = {
    "boolean": (pd.Series(gaps(FLAGS), dtype="boolean"), B),
    "string": (pd.Series(gaps(TEXTS), dtype="string"), C),
    "str": (pd.Series(gaps(TEXTS), dtype="str"), C),
    "Int64": (pd.Series(gaps(WHOLE), dtype="Int64"), N),
    "Float32": (pd.Series(gaps(SIZES), dtype="Float32"), N),
}
CATEGORICAL = {
    "integers": (pd.Series(CODES, dtype="category"), C),
    "gaps": (pd.Series(gaps(CODES), dtype="category"), C),
    "texts": (pd.Series(gaps(TEXTS), dtype="category"), C),
    "flags": (pd.Series(FLAGS, dtype="category"), C),
    "ordered": (pd.Series(pd.Categorical(TEXTS, categories=["r", "q", "p"], ordered=True)), C),
}
POLARS = {
    "floats": (pl.Series(gaps(SIZES), dtype=pl.Float32), N),
    "whole": (pl.Series(gaps(WHOLE), dtype=pl.UInt16), N),
    "flags": (pl.Series(gaps(FLAGS), dtype=pl.Boolean), B),
    "decimals": (pl.Series([Decimal(str(x)) for x in SIZES]), N),
    "nothing": (pl.Series([None] * COUNT), N),
    "days": (pl.Series(gaps([day.date() for day in DAYS])), D),
    "dates": (pl.Series(gaps(DAYS), dtype=pl.Datetime("ms")), D),
    "zoned dates": (pl.Series(gaps(DAYS)).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"), D),
}
POLARS_TEXTS = {
    "texts": (pl.Series(gaps(TEXTS)), C),
    "categorical": (pl.Series(gaps(TEXTS), dtype=pl.Categorical), C),
    "enum": (pl.Series(TEXTS, dtype=pl.Enum(["r", "q", "p"])), C),
    "words": (pl.Series(["yes" if flag else "No" for flag in FLAGS]), B),
}
NUMPY = {
    "floats": (np.array(SIZES, np.float16), N),
    "whole": (np.array(WHOLE, np.int8), N),
    "flags": (np.array(FLAGS), B),
    "texts": (np.array(TEXTS), C),
    "strings": (np.array(gaps(TEXTS), np.dtypes.StringDType(na_object=None)), C),
    "dates": (np.array(gaps(DAYS), "datetime64[ns]"), D),
    "masked": (np.ma.array(WHOLE, mask=[True] + [False] * (COUNT - 1)), N),
}
LISTS = {
    "floats": (gaps(SIZES), N),
    "whole": (WHOLE, N),
    "flags": (gaps(FLAGS), B),
    "texts": (gaps(TEXTS), C),
    "words": (["true" if flag else "FALSE" for flag in FLAGS], B),
    "dates": (gaps(DAYS), D),
    "written dates": (gaps([day.isoformat() for day in DAYS]), D),
}


def columns_of(table):
    return {name: values for name, (values, _) in table.items()}


def structured():
    kinds = [("floats", "f4"), ("whole", "i2"), ("flags", "?"), ("texts", "U1")]
    rows = list(zip(SIZES, WHOLE, FLAGS, TEXTS, strict=True))
    return np.array(rows, kinds), {"floats": N, "whole": N, "flags": B, "texts": C}


def rows_of_lists():
    rows = [list(row) for row in zip(gaps(SIZES), WHOLE, FLAGS, TEXTS, strict=True)]
    return rows, {"x0": N, "x1": N, "x2": B, "x3": C}


def kinds_of(table):
    return {name: kind for name, (_, kind) in table.items()}


FRAMES = {
    "pandas": lambda: (pd.DataFrame(columns_of(PANDAS)), kinds_of(PANDAS)),
    "pandas, nullable": lambda: (pd.DataFrame(columns_of(NULLABLE)), kinds_of(NULLABLE)),
    "pandas, categorical": lambda: (pd.DataFrame(columns_of(CATEGORICAL)), kinds_of(CATEGORICAL)),
    "polars": lambda: (pl.DataFrame(columns_of(POLARS)), kinds_of(POLARS)),
    "polars, texts": lambda: (pl.DataFrame(columns_of(POLARS_TEXTS)), kinds_of(POLARS_TEXTS)),
    "NumPy columns": lambda: (columns_of(NUMPY), kinds_of(NUMPY)),
    "NumPy structured": structured,
    "NumPy objects": lambda: (np.array(rows_of_lists()[0], object), rows_of_lists()[1]),
    "lists of columns": lambda: (columns_of(LISTS), kinds_of(LISTS)),
    "lists of rows": rows_of_lists,
}


def picture(frame):
    """Return all values of a frame as text, with its types."""
    columns = frame if isinstance(frame, dict) else {"all": frame}
    return {name: (repr(getattr(column, "dtype", None)), repr(column)) for name, column in columns.items()}


@pytest.mark.parametrize("name", FRAMES)
def test_every_column_type_goes_in_as_its_kind_and_the_frame_stays_as_it_was(name):
    frame, kinds = FRAMES[name]()
    before = picture(frame)
    data = ArrayData(frame, SIZES)
    rows = data.rows()
    assert {feature.name: feature.kind for feature in rows.schema.features} == kinds
    again = ArrayData(frame).rows_like(rows.schema)
    for key, column in rows.inputs.items():
        np.testing.assert_array_equal(again.inputs[key], column)
    assert picture(frame) == before


@pytest.mark.parametrize("name", FRAMES)
def test_what_a_frame_holds_is_what_its_rows_hold(name):
    frame, kinds = FRAMES[name]()
    columns = ArrayData(ArrayData(frame, SIZES).rows())
    schema = columns.rows().schema
    for key, kind in kinds.items():
        if kind is C:
            place = [feature.name for feature in schema.categorical].index(key)
            codes = columns.rows().inputs["categorical"][:, place]
            texts = [None, *schema.categorical[place].categories]
            values = CODES if key in ("integers", "gaps") else FLAGS if key == "flags" else TEXTS
            wanted = [str(value).lower() for value in values]
            assert [texts[code] for code in codes[1:]] == wanted[1:]
            assert texts[codes[0]] in (None, wanted[0])
        elif key in ("whole", "flags", "words"):
            place = [feature.name for feature in schema.numeric].index(key)
            wanted = WHOLE if key == "whole" else FLAGS
            assert columns.rows().inputs["numeric"][1:, place].tolist() == wanted[1:]
        elif kind is D:
            place = [feature.name for feature in schema.datetime].index(key)
            wanted = [day.replace(hour=0, minute=0) if key == "days" else day for day in DAYS]
            found = decode_dates(columns.rows().inputs["datetime"][:, place])
            assert found[1:].tolist() == wanted[1:]
            assert found[0].item() in (None, wanted[0])


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(CODES),
        pd.Series(CODES, dtype="uint8"),
        pd.Series(CODES, dtype="Int64"),
        pd.Series(CODES, dtype="category"),
        pd.Series(FLAGS),
        pd.Series(FLAGS, dtype="boolean"),
        pd.Series([float(flag) for flag in FLAGS], dtype="float32"),
        pd.Series(TEXTS),
        pd.Series(TEXTS, dtype="string"),
        pd.Series(TEXTS, dtype="category"),
        pd.Series([0.5, 1.5, 2.5] * 8, dtype="category"),
        pl.Series(CODES, dtype=pl.Int16),
        pl.Series(FLAGS),
        pl.Series(TEXTS),
        pl.Series(TEXTS, dtype=pl.Categorical),
        np.array(CODES, np.int32),
        np.array(FLAGS),
        np.array(TEXTS, object),
        np.array(TEXTS, np.dtypes.StringDType()),
        np.array([float(flag) for flag in FLAGS]),
        CODES,
        FLAGS,
        TEXTS,
    ],
    ids=lambda labels: f"{type(labels).__module__}, {getattr(labels, 'dtype', type(labels[0]).__name__)}",
)
def test_labels_come_back_in_their_own_type(labels, tmp_path):
    inputs, wanted = {"a": CODES, "b": FLAGS}, np.asarray(labels)
    done = gmcore.train(inputs, labels, training={"max_epochs": 2})
    done.model.save(tmp_path / "m.safetensors")
    for model in (done.model, gmcore.load(tmp_path / "m.safetensors")):
        found = model.predict(inputs)
        assert found.dtype == wanted.dtype
        assert found.tolist() == np.unique(wanted)[model.predict_proba(inputs).argmax(axis=1)].tolist()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.Series(pd.to_timedelta([1, 2, 3])), "column 'a' has dtype timedelta64"),
        (pd.Series(pd.period_range("2024", periods=3, freq="D")), "column 'a' has values of type Period"),
        (pl.Series([[1], [2, 3], [4]]), "column 'a' has values of type ndarray"),
        (pl.Series([b"x"] * 3), "column 'a' has values of type bytes"),
        (pl.Series([dt.time(1)] * 3), "column 'a' has values of type time"),
        (pl.Series([1, 2, 3], dtype=pl.Int128), "column 'a' can't be converted to a NumPy array"),
        (pl.Series([[1, 2]] * 3, dtype=pl.Array(pl.Int64, 2)), "column 'a' must have one dimension"),
        ([1j, 2j, 3j], "column 'a' has dtype complex128"),
    ],
)
def test_a_column_type_without_a_kind_is_named(column, message):
    with pytest.raises(DataError, match=message):
        ArrayData({"a": column}, [1.0, 2.0, 3.0]).rows()
