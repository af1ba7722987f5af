"""Identifiers and dates: named, never one category a row; dates order the rows."""

import numpy as np
import pytest
from gm_csv_data import CSVDataProvider

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


@pytest.mark.parametrize(("values", "expected"), DATES)
def test_dates_order_the_rows(provider, values, expected):
    time = provider(table("t", values), time="t").rows().time
    assert time.tolist() == np.array(expected, "datetime64[us]").tolist()


@pytest.mark.parametrize(("values", "expected"), DATES)
def test_dates_are_no_categories(provider, values, expected):
    with pytest.raises(
        DataError, match=r"column 't': its values are dates, such as '.*'; set time = 't'|drop = \['t'\]"
    ):
        provider(table("t", values * 20)).rows()


def test_dates_can_be_kept_as_categories(provider):
    data = provider(table("t", ["2024-01-01", "2024-02-01"] * 3), types={"t": "categorical"})
    assert data.schema.features[1].categories == ("2024-01-01", "2024-02-01")


def test_day_and_month_that_cannot_be_told_apart_are_refused_unless_given(provider):
    text = table("t", ["01/02/2024", "02/01/2024"])
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
    with pytest.raises(DataError, match="'Y2024D032' is not a date of the format '%Y'; correct date_format"):
        provider(text, time="t", date_format="%Y").rows()


@pytest.mark.parametrize("values", [[3, 1, 2], [20240103, 20240101, 20240102], [10**18 + 3, 10**18 + 1, 10**18 + 2]])
def test_integers_order_the_rows_exactly(provider, values):
    assert provider(table("t", values), time="t").rows().time.tolist() == values
