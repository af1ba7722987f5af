"""Dates are recognized whichever way they come in, and are the same dates as in a file."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
from gm_csv_data import CSVDataProvider

from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Kind
from gmcore.domain.data.dates import decode_dates
from gmcore.errors import DataError

TEXTS = ["2024-01-31", None, "2024-02-29", "1969-12-31"]
DAYS = [None if text is None else dt.date.fromisoformat(text) for text in TEXTS]
MOMENTS = [None if day is None else dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) for day in DAYS]
EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))
TARGET = [0.5, 1.5, 2.5, 3.5]
COLUMNS = {
    "datetime64[D]": np.array(TEXTS, "datetime64[D]"),
    "datetime64[ns]": np.array(TEXTS, "datetime64[ns]"),
    "datetime64 objects": np.array([np.datetime64(text or "NaT", "us") for text in TEXTS], object),
    "dates": DAYS,
    "datetimes": np.array(MOMENTS, object),
    "datetimes of another zone": [None if moment is None else moment.astimezone(EAST) for moment in MOMENTS],
    "pandas": pd.Series(pd.to_datetime(TEXTS)),
    "pandas of a zone": pd.Series(pd.to_datetime(TEXTS, utc=True)).dt.tz_convert("America/New_York"),
    "pandas objects": pd.Series([pd.NaT if text is None else pd.Timestamp(text) for text in TEXTS], dtype=object),
    "pandas strings": pd.Series(TEXTS, dtype="string"),
    "polars Date": pl.Series(DAYS),
    "polars Datetime": pl.Series(MOMENTS).dt.convert_time_zone("America/New_York"),
    "texts": TEXTS,
    "NumPy strings": np.array(TEXTS, np.dtypes.StringDType(na_object=None)),
    "national texts": ["31.1.2024", None, "29.02.2024", "31.12.1969"],
    "masked": np.ma.array(np.array(["2024-01-31"] * 2 + TEXTS[2:], "datetime64[s]"), mask=[0, 1, 0, 0]),
}


@pytest.fixture
def in_a_file(tmp_path):
    pd.DataFrame({"day": TEXTS, "y": TARGET}).to_csv(tmp_path / "d.csv", index=False)
    return CSVDataProvider(path=tmp_path / "d.csv", target="y").rows()


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_dates_is_that_of_a_file(name, in_a_file):
    rows = ArrayData({"day": COLUMNS[name]}, TARGET).rows()
    assert [feature.kind for feature in rows.schema.features] == [Kind.DATETIME]
    np.testing.assert_array_equal(rows.inputs["datetime"], in_a_file.inputs["datetime"])
    np.testing.assert_array_equal(decode_dates(rows.inputs["datetime"][:, 0]), np.array(TEXTS, "datetime64[s]"))
    again = ArrayData(rows).rows_like(rows.schema)
    np.testing.assert_array_equal(again.inputs["datetime"], rows.inputs["datetime"])
    if name != "national texts":
        like = ArrayData({"day": COLUMNS[name]}).rows_like(in_a_file.schema)
        np.testing.assert_array_equal(like.inputs["datetime"], in_a_file.inputs["datetime"])


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "national texts"])
def test_dates_can_be_categories_of_the_same_names_as_in_a_file(name):
    data = ArrayData({"day": COLUMNS[name]}, TARGET, types={"day": "categorical"})
    assert data.schema.features[0].categories == ("1969-12-31", "2024-01-31", "2024-02-29")
    assert data.rows().inputs["categorical"].tolist() == [[2], [0], [3], [1]]


def test_an_array_of_dates_has_columns_of_dates():
    rows = ArrayData(np.array([TEXTS, TEXTS[::-1]], "datetime64[D]").T, TARGET).rows()
    assert rows.inputs["datetime"].shape == (4, 2, 2)
    assert rows.inputs["datetime"][:, 0].tolist() == rows.inputs["datetime"][::-1, 1].tolist()


def test_time_of_the_day_is_kept_without_fractions_of_a_second():
    moments = [dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, EAST), pd.Timestamp("2024-01-01T00:00:00.999999999")]
    rows = ArrayData({"day": moments}, [0.5, 1.5]).rows()
    assert rows.inputs["datetime"][:, 0].tolist() == [[-1, 18 * 3600 + 30 * 60 - 1], [19_723, 0]]


US = ArrayData({"day": ["12/31/2023", "01/02/2024"]}, [0.5, 1.5]).schema


def days_like(schema, data, **options):
    rows = ArrayData(data, **options).rows_like(schema)
    return decode_dates(rows.inputs["datetime"]).astype("datetime64[D]").astype(str).tolist()


def test_one_row_is_read_in_the_format_of_the_training_rows():
    for data in ({"day": ["01/02/2024"]}, {"day": [dt.date(2024, 1, 2)]}, pd.DataFrame({"day": ["01/02/2024"]})):
        assert days_like(US, data) == [["2024-01-02"]]
    with pytest.raises(
        DataError,
        match=r"column 'day' has '2024-01-02' in row 0, which is not a date of the format '%m/%d/%Y': correct it, or "
        r"pass datetimes or ArrayData\(X, date_format=…\)",
    ):
        ArrayData({"day": ["2024-01-02"]}).rows_like(US)


def test_a_format_that_is_given_for_new_rows_is_that_of_their_texts():
    assert days_like(US, {"day": ["01/02/2024"]}, date_format="%d/%m/%Y") == [["2024-02-01"]]
    assert days_like(US, {"day": [dt.date(2024, 1, 2)]}, date_format="%d/%m/%Y") == [["2024-01-02"]]
    with pytest.raises(DataError, match="has '12/31/2023' in row 1, which is not a date of the format '%d/%m/%Y'"):
        days_like(US, {"day": ["01/02/2024", "12/31/2023"]}, date_format="%d/%m/%Y")


def test_a_format_of_one_training_column_is_not_that_of_another():
    columns = {"day": ["31/12/2023", "01/02/2024"], "us": ["12/31/2023", "12/30/2023"]}
    columns = {name: values * 2 for name, values in columns.items()}
    schema = ArrayData(columns, TARGET, date_format="%d/%m/%Y").schema
    new = {"day": ["01/02/2024"], "us": ["01/02/2024"]}
    assert days_like(schema, new, date_format="%d/%m/%Y") == [["2024-02-01", "2024-01-02"]]


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (["31.12.2023", "01.02.2024"], "but column 'day' has dates of the format '%d.%m.%Y'"),
        (["2023-12-31", "2024-02-01"], "and the dates in column 'day' need none"),
        ([0.5, 1.5], ""),
    ],
)
def test_a_format_that_no_column_has_is_refused(column, found):
    with pytest.raises(
        DataError, match=f"date_format = '%d/%m/%Y' fits no column.*{found}; correct it or leave it out"
    ):
        ArrayData({"day": column}, [0.5, 1.5], date_format="%d/%m/%Y").rows()


def test_an_empty_text_among_dates_is_a_missing_date():
    rows = ArrayData({"day": ["", "2024-01-01", ""]}, TARGET[:3]).rows()
    assert np.isnat(decode_dates(rows.inputs["datetime"][:, 0])).tolist() == [True, False, True]
    assert days_like(rows.schema, {"day": [""]}) == [["NaT"]]


@pytest.mark.parametrize("column", [np.array(["NaT"] * 2, "M8[s]"), [pd.NaT] * 2, pl.Series([None] * 2, dtype=pl.Date)])
def test_a_column_of_missing_dates_is_refused_unless_its_kind_is_given(column):
    with pytest.raises(DataError, match="column 'day': all values are missing: leave it out, or pass"):
        ArrayData({"day": column}, [0.5, 1.5]).rows()
    assert ArrayData({"day": column}, [0.5, 1.5], types={"day": "datetime"}).schema.datetime


def test_a_format_can_be_given():
    options = {"types": {"day": "datetime"}, "date_format": "%Y%m%d"}
    for column in ([20240131, 20240201], np.array([20240131, 20240201]), ["20240131", "20240201"]):
        data = ArrayData({"day": column}, [0.5, 1.5], **options)
        assert data.schema.features[0].date_format == "%Y%m%d"
        assert data.rows().inputs["datetime"][:, 0, 0].tolist() == [19_753, 19_754]


@pytest.mark.parametrize(
    ("column", "options", "message"),
    [
        (["01/02/2024", "03/04/2024"], {}, "has '01/02/2024' in row 0, which fits two formats of dates: pass Arr"),
        (["2024-01-01", None, "soon"], {}, "has 'soon' in row 2, which is not an ISO date .*, but 1 other value is a"),
        ([dt.date(2024, 1, 1), "soon"], {}, "has 'soon' in row 1, which is not an ISO date"),
        ([dt.date(2024, 1, 1), 5], {}, "has 5 in row 1, which is not an ISO date"),
        (["a", "b"], {"types": {"day": "datetime"}}, "has 'a' in row 0, .* not an ISO date.*, or pass ArrayData"),
        ([0.5, 1.5], {"types": {"day": "datetime"}}, "has 0.5 in row 0, which is not an ISO date"),
        (DAYS, {"types": {"day": "numeric"}}, "has dates, but the feature is numeric"),
        (np.array(TEXTS, "M8[D]"), {"types": {"day": "boolean"}}, "has dates, but the feature is boolean"),
        (np.array(["0000-12-31", "2024-01-01"], "M8[D]"), {}, "1 dates outside the years 1 to 9999, .* row 0"),
        (np.array(["2024-01-01", "10000-01-01"], "M8[s]"), {}, "1 dates outside the years 1 to 9999, .* row 1"),
        ([dt.datetime.min.replace(tzinfo=EAST)] * 2, {}, "2 dates outside the years 1 to 9999"),
        (np.array([0, 2**62], "M8[Y]"), {}, "1 dates outside the years 1 to 9999, .* row 1"),
        ([dt.date(2024, 1, 1), np.datetime64(2**62, "Y")], {}, "1 dates outside the years 1 to 9999, .* row 1"),
        ([dt.date(2024, 1, 1), pd.Timestamp(np.datetime64("12000", "s"))], {}, "1 dates outside .* row 1"),
        ([dt.date(2024, 1, 1), pd.Timestamp(np.datetime64("-005", "s"))], {}, "1 dates outside .* row 1"),
        ([11122024, 1122024, 1122025], {"types": {"day": "datetime"}, "date_format": "%d%m%Y"},
         "has '1122024' in row 1, which is not a date of the format '%d%m%Y' with all 8 digits"),
    ],
)  # fmt: skip
def test_what_is_no_date_is_named(column, options, message):
    with pytest.raises(DataError, match=f"column 'day' {message}" if message[0] == "h" else message):
        ArrayData({"day": column}, TARGET[: len(column)], **options).rows()


def test_dates_for_a_model_of_numbers_are_refused():
    schema = ArrayData({"day": [1.0, 2.0]}, [0.5, 1.5]).schema
    for column in (np.array(TEXTS, "M8[ns]"), DAYS, pd.Series(pd.to_datetime(TEXTS))):
        with pytest.raises(DataError, match="column 'day' has dates, but the feature is numeric: pass numeric values"):
            ArrayData({"day": column}).rows_like(schema)
