"""Identifiers and dates: never one category a row; dates are features, or order the rows."""

import numpy as np
import polars as pl
import pytest
from gm_csv_data import CSVDataProvider
from gm_csv_data.dates import parse_dates

from gmcore.domain import Kind
from gmcore.domain.data.date_formats import FORMATS, read_dates
from gmcore.domain.data.dates import FIRST_DAY, LAST_DAY, decode_dates
from gmcore.errors import DataError


@pytest.fixture
def provider(tmp_path):
    def provider(text, **options):
        path = tmp_path / "data.csv"
        path.write_text(text)
        return CSVDataProvider(path=path, **({"target": "y", "separator": "|"} | options))

    return provider


def table(name, values):
    return f"a|{name}|y\n" + "".join(f"{i}|{value}|{'pq'[i % 2]}\n" for i, value in enumerate(values))


IDENTIFIERS = table("id", [f"n{i}" for i in range(30)])


def test_an_identifier_is_left_out_with_a_note(provider, caplog):
    assert [feature.name for feature in provider(IDENTIFIERS).schema.features] == ["a"]
    assert (
        "column 'id': 30 different texts in 30 rows look like identifiers, so the column is left out; "
        "types = { 'id' = 'categorical' } keeps it"
    ) in caplog.text


def test_an_identifier_can_be_refused_or_kept(provider):
    with pytest.raises(DataError, match=r"column 'id': 30 different texts in 30 rows look like identifiers; set drop"):
        provider(IDENTIFIERS, identifiers="refuse").rows()
    for options in ({"identifiers": "keep"}, {"types": {"id": "categorical"}}):
        assert [feature.name for feature in provider(IDENTIFIERS, **options).schema.features] == ["a", "id"]


@pytest.mark.parametrize("values", [[f"n{i}" for i in range(19)], [f"n{i % 20}" for i in range(30)]])
def test_few_rows_and_recurring_texts_are_no_identifiers(provider, values):
    assert len(provider(table("id", values)).schema.features) == 2


DATES = [
    (["2023-12-31", "2024-02-01"], ["2023-12-31", "2024-02-01"]),
    (["2023-12-31T10:20:30Z", "2024-02-01 00:00+02:00"], ["2023-12-31T10:20:30", "2024-01-31T22:00"]),
    (["31.12.2023", "1.2.2024"], ["2023-12-31", "2024-02-01"]),
    (["31.12.23 10:20", "01.02.24 11:05"], ["2023-12-31T10:20", "2024-02-01T11:05"]),
    (["31/12/2023", "01/02/2024"], ["2023-12-31", "2024-02-01"]),
    (["12/31/2023 1:05 PM", "02/01/2024 11:05 AM"], ["2023-12-31T13:05", "2024-02-01T11:05"]),
    (["2023/12/31", "2024/02/01"], ["2023-12-31", "2024-02-01"]),
    (["31 Dec 2023", "1 Feb 2024"], ["2023-12-31", "2024-02-01"]),
    (["December 31, 2023", "February 1, 2024"], ["2023-12-31", "2024-02-01"]),
]


RNG = np.random.default_rng(0)
SECONDS = 86_400 * np.array([FIRST_DAY, LAST_DAY, *RNG.integers(FIRST_DAY, LAST_DAY, 40)]) + RNG.integers(0, 86_400, 42)
SOME_DAYS = SECONDS.astype("datetime64[s]").tolist()
ODD = [
    "31.02.2024", "0000-01-01", "2024-13-01", "2024-01-01T24:00", "2024-01-01 10:60", "2024-01-01T10:20:30,5 +0230",
    "2024-01-01T10Z", "0001-01-01T00:00+01:00", "9999-12-31T23:00-02:00", "01/02/2024 13:00 PM", "01/02/2024 0:10 am",
    "FEB 3, 2024", "Sept 3, 2024", "1.2.69", "1.2.70", " 1.2.2024", "1.2.2024\n", "", "x", "29.02.2023 10:20:30.123",
]  # fmt: skip


def written(when, date_format):
    """Return what Python writes, with four digits for each year, which some platforms do not."""
    text = (date_format or "%Y-%m-%dT%H:%M:%S").replace("%.f", ".%f").replace("%F", "%Y-%m-%d")
    return when.strftime(text.replace("%Y", f"{when.year:04}").replace("%z", "-0230"))


@pytest.mark.parametrize(("values", "expected"), DATES)
def test_dates_order_the_rows(provider, values, expected):
    time = provider(table("t", values), time="t").rows().time
    assert time.tolist() == np.array(expected, "datetime64[us]").tolist()


@pytest.mark.parametrize(("values", "expected"), DATES)
def test_dates_are_features_that_may_be_missing(provider, values, expected):
    rows = provider(table("t", ["", *values, "NA"] * 20)).rows()
    assert [(feature.name, feature.kind) for feature in rows.schema.datetime] == [("t", Kind.DATETIME)]
    assert rows.inputs["datetime"].dtype == np.int32
    found = decode_dates(rows.inputs["datetime"][:, 0])
    np.testing.assert_array_equal(found, np.array(["NaT", *expected, "NaT"] * 20, "datetime64[s]"))


@pytest.mark.parametrize("values", [values for values, _ in DATES])
def test_new_rows_are_read_in_the_format_of_the_training_rows(provider, values):
    schema = provider(table("t", values * 2)).schema
    for row, value in enumerate(values):
        alone = provider(table("t", [value])).rows_like(schema).inputs["datetime"]
        np.testing.assert_array_equal(alone[0], provider(table("t", values)).rows_like(schema).inputs["datetime"][row])
    with pytest.raises(
        DataError, match=r"line 3, column 't': 'soon' is not a.* date.*; correct it, or predict from model.read\(path, "
    ):
        provider(table("t", [values[0], "soon"])).rows_like(schema)


def test_dates_in_iso_format_are_read_in_the_given_one_if_all_have_it(provider):
    schema = provider(table("t", ["2024-01-01", "2024-01-02"])).schema
    rows = provider(table("t", ["02.01.2024"]), date_format="%d.%m.%Y").rows_like(schema)
    assert decode_dates(rows.inputs["datetime"]).astype(str).tolist() == [["2024-01-02T00:00:00"]]


def test_a_text_among_dates_is_named_with_its_line(provider):
    text = table("t", ["31.12.2023", "", "30.2.2024", "1.2.2024", "2.2.2024"])
    with pytest.raises(
        DataError,
        match=r"line 4, column 't': '30.2.2024' is not a date of the format '%d.%m.%Y', but 3 other values are dates; "
        r"correct it, add it to 'missing', or set types = \{ 't' = 'categorical' \}",
    ):
        provider(text).rows()
    assert provider(text, missing=["", "30.2.2024"]).schema.datetime[0].date_format == "%d.%m.%Y"
    assert provider(text, types={"t": "categorical"}).schema.categorical[0].name == "t"


def test_a_column_can_be_said_to_hold_dates(provider):
    text = table("t", [20240131, 20240201])
    assert provider(text).schema.features[1].kind is Kind.NUMERIC
    with pytest.raises(DataError, match=r"line 2, column 't': '20240131' is not an ISO date .* or set date_format"):
        provider(text, types={"t": "datetime"}).rows()
    rows = provider(text, types={"t": "datetime"}, date_format="%Y%m%d").rows()
    assert decode_dates(rows.inputs["datetime"][:, 0]).astype("M8[D]").astype(str).tolist() == [
        "2024-01-31",
        "2024-02-01",
    ]
    assert np.isnat(
        decode_dates(provider(table("t", ["", ""]), types={"t": "datetime"}).rows().inputs["datetime"])
    ).all()


def test_dates_are_no_target(provider):
    text = "a|y\n" + "".join(f"{i}|2024-01-0{i % 3 + 1}\n" for i in range(12))
    with pytest.raises(
        DataError, match="column 'y': its values are dates, such as '2024-01-01', which can't be predicted"
    ):
        provider(text).rows()
    assert len(provider(text, task="classification").schema.target.classes) == 3


@pytest.mark.parametrize("date_format", [*FORMATS, "%a, %d %b %Y %T", "%Y%j", "%F %R%z", "%Y", "%d.%m.%Y %H:%M:%S.%f"])
def test_a_text_is_the_same_date_in_a_file_and_in_an_array(date_format):
    texts = [written(day, date_format) for day in SOME_DAYS] + ODD
    found = parse_dates(pl.Series(texts), date_format).to_numpy().astype("datetime64[s]")
    np.testing.assert_array_equal(found, read_dates(texts, date_format))
    assert np.isfinite(found.astype(float)[: len(SOME_DAYS)]).all()


def test_dates_can_be_kept_as_categories(provider):
    data = provider(table("t", ["2024-01-01", "2024-02-01"] * 3), types={"t": "categorical"})
    assert data.schema.features[1].categories == ("2024-01-01", "2024-02-01")


@pytest.mark.parametrize("value", ["2024-01-01T24:00", "2024-13-01", "0000-01-01"])
def test_what_only_looks_like_a_date_is_named(provider, value):
    with pytest.raises(DataError, match=f"line 3, column 't': '{value}' is not an ISO date"):
        provider(table("t", ["2024-01-01", value])).rows()


def test_day_and_month_that_cannot_be_told_apart_are_refused_unless_given(provider):
    text = table("t", ["01/02/2024", "02/01/2024"])
    with pytest.raises(DataError, match="line 2, column 't': '01/02/2024' fits two formats of dates; set date_format"):
        provider(text).rows()
    found = [provider(text, date_format=f"%{a}/%{b}/%Y").rows().inputs["datetime"][:, 0, 0] for a, b in ("dm", "md")]
    assert found[0].tolist() == found[1][::-1].tolist()
    with pytest.raises(
        DataError, match=r"'01/02/2024' fits two formats of dates; set date_format = '%d/%m/%Y' or date"
    ):
        provider(text, time="t").rows()
    day, month = (provider(text, time="t", date_format=f"%{a}/%{b}/%Y").rows().time for a, b in ("dm", "md"))
    assert day.tolist() == month[::-1].tolist()


def test_any_format_of_dates_can_be_given(provider):
    text = table("t", ["Y2024D032", "Y2024D001"])
    assert provider(text, time="t", date_format="Y%YD%j").rows().time.tolist() == [
        *np.array(["2024-02-01", "2024-01-01"], "datetime64[us]").tolist()
    ]
    with pytest.raises(DataError, match="'Y2024D032' is not a date of the format '%Y'; correct it, or correct date"):
        provider(text, time="t", date_format="%Y").rows()


@pytest.mark.parametrize("values", [[3, 1, 2], [20240103, 20240101, 20240102], [10**18 + 3, 10**18 + 1, 10**18 + 2]])
def test_integers_order_the_rows_exactly(provider, values):
    assert provider(table("t", values), time="t").rows().time.tolist() == values
