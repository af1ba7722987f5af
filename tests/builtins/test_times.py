"""The times that order rows in memory are read as dates are in features and in files."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from gm_csv_data import CSVDataProvider

from gmcore.builtins.arrays import ArrayData
from gmcore.errors import DataError

MOMENTS = np.array(["2023-12-31T13:05", "2024-02-01T11:05", "2024-01-15T00:00"], "datetime64[us]")


def times(values, **options):
    return ArrayData(np.ones((len(values), 1)), np.linspace(0, 1, len(values)), time=values, **options).rows().time


@pytest.mark.parametrize(
    "texts",
    [
        ["31.12.2023 13:05", "1.2.2024 11:05", "15.01.2024 00:00"],
        ["12/31/2023 1:05 PM", "02/01/2024 11:05 AM", "1/15/2024 12:00 AM"],
        ["2023-12-31T13:05", "2024-02-01T13:05+02:00", "2024-01-15"],
        ["31.12.2023 13:05:00.0", "01.02.2024 11:05:00.000", "15.01.2024 00:00:00.0"],
    ],
)
def test_texts_of_dates_order_the_rows_by_time_as_in_a_file(texts, tmp_path):
    (tmp_path / "d.csv").write_text("a|t|y\n" + "".join(f"{i}|{text}|{i}.5\n" for i, text in enumerate(texts)))
    in_a_file = CSVDataProvider(path=tmp_path / "d.csv", target="y", time="t", separator="|").rows().time
    assert times(texts).tolist() == times(pd.Series(texts)).tolist() == in_a_file.tolist() == MOMENTS.tolist()


def test_dates_of_any_type_order_the_rows_in_utc():
    zone = dt.timezone(dt.timedelta(hours=2))
    there = [moment.replace(tzinfo=dt.UTC).astimezone(zone) for moment in MOMENTS.tolist()]
    for values in (MOMENTS, MOMENTS.astype(object), pd.Series(MOMENTS), there, pd.Series(there)):
        assert times(values).tolist() == MOMENTS.tolist()


def test_fractions_of_a_second_order_the_rows():
    found = times(["31.12.2023 10:00:00.5", "31.12.2023 10:00:00.25"])
    assert (found[0] - found[1]) == np.timedelta64(250, "ms")
    nanoseconds = np.array([np.datetime64(2, "ns"), np.datetime64(1, "ns")], object)
    assert np.argsort(times(nanoseconds)).tolist() == [1, 0]


def test_numbers_are_dates_only_in_a_format_that_is_given():
    assert times([20240131, 20230101]).tolist() == [20240131, 20230101]
    assert times([20240131, 20230101], date_format="%Y%m%d")[0] == np.datetime64("2024-01-31")


def test_numbers_of_any_type_order_the_rows():
    exact = [10**18 + 2, 10**18 + 1]
    for values in (exact, np.array(exact, object), pd.Series(exact, dtype="Int64")):
        assert times(values).tolist() == exact
    assert times([Decimal("2.5"), Decimal("1.5")]).tolist() == [2.5, 1.5]
    assert times(np.array([True, 2, 2.5], object)).tolist() == [1, 2, 2.5]


def test_a_format_decides_between_day_and_month():
    first = [times(["01/02/2024", "02/01/2024"], date_format=one).argmin() for one in ("%d/%m/%Y", "%m/%d/%Y")]
    assert first == [1, 0]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (
            ["b", "a"],
            {},
            "'b' in row 0, which is not a time: pass numbers, datetimes, ISO dates such as 2024-12-31, or",
        ),
        (["10", "9"], {}, "'10' in row 0, which is not a time"),
        (["2024-01-01", "2024-01-02", "x"], {}, "'x' in row 2, which is not an ISO date .*, but 2 other values are"),
        (["x", "31.1.2024", "1.2.2024"], {}, "'x' in row 0, .* format '%d.%m.%Y', but 2 other values are dates: cor"),
        (["01/02/2024", "03/04/2024"], {}, "'01/02/2024' in row 0, which fits two formats of dates: pass ArrayData"),
        (["1.2.24", "x"], {"date_format": "%Y"}, "'x' in row 1, which is not a date of the format '%d.%m.%y'"),
        (["a", "b"], {"date_format": "%Y"}, "'a' in row 0, which is not a date of the format '%Y': correct it, or"),
        ([dt.date(2024, 1, 1), "soon"], {}, "values of several types: date, text: pass values of one type"),
        (np.array([b"2", b"1"]), {}, r"values of type \|S1: pass numbers, dates or strings"),
    ],
)
def test_what_is_no_time_is_refused(values, options, message):
    with pytest.raises(DataError, match=f"time has {message}"):
        times(values, **options)


def test_a_format_that_the_times_do_not_have_is_refused():
    with pytest.raises(DataError, match="'%Y' fits no column, but column 'time' has dates of the format"):
        times(["31.12.2023", "01.02.2024"], date_format="%Y")
