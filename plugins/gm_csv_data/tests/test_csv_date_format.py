"""The option `date_format`: no format is ignored, and each column is read in the format that was meant for it."""

import numpy as np
import pytest
from gm_csv_data import CSVDataProvider

from gmcore.domain.data.dates import decode_dates
from gmcore.errors import DataError


@pytest.fixture
def provider(tmp_path):
    def provider(header, *lines, **options):
        path = tmp_path / "data.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return CSVDataProvider(path=path, **({"target": "y", "separator": "|"} | options))

    return provider


def days(rows):
    return decode_dates(rows.inputs["datetime"]).astype("M8[D]").astype(str).tolist()


@pytest.mark.parametrize(
    ("values", "options", "found"),
    [
        (["31.12.2023", "1.2.2024"], {}, ", but column 't' has dates of the format '%d.%m.%Y'"),
        (["31.12.2023", "1.2.2024"], {"time": "t"}, ", but column 't' has dates of the format '%d.%m.%Y'"),
        (["2023-12-31", "2024-02-01"], {}, ", and the dates in column 't' need none"),
        (["2023-12-31", "2024-02-01"], {"time": "t"}, ""),
        (["1", "2"], {"time": "t"}, ""),
        (["1", "2"], {}, ""),
    ],
)
def test_a_format_that_no_column_has_is_refused(provider, values, options, found):
    lines = [f"{i}|{value}|{i}.5" for i, value in enumerate(values)]
    with pytest.raises(
        DataError, match=f"data.csv: date_format = '%d/%m/%Y' fits no column{found}; correct it or leave it out"
    ):
        provider("a|t|y", *lines, date_format="%d/%m/%Y", **options).rows()


def test_a_format_that_one_column_has_is_used(provider):
    lines = ["31.12.2023|1/2/2024|0.5", "1.2.2024|3/4/2024|1.5"]
    assert days(provider("a|b|y", *lines, date_format="%d/%m/%Y").rows()) == [
        ["2023-12-31", "2024-02-01"],
        ["2024-02-01", "2024-04-03"],
    ]
    time = provider("a|b|y", *lines, date_format="%d/%m/%Y", time="b").rows().time
    assert time.tolist() == np.array(["2024-02-01", "2024-04-03"], "M8[us]").tolist()


def test_a_format_that_is_given_for_new_rows_is_that_of_their_texts(provider):
    schema = provider("t|y", "12/31/2023|0.5", "01/02/2024|1.5").schema
    assert days(provider("t|y", "01/02/2024|").rows_like(schema)) == [["2024-01-02"]]
    assert days(provider("t|y", "01/02/2024|", date_format="%d/%m/%Y").rows_like(schema)) == [["2024-02-01"]]
    with pytest.raises(DataError, match="line 3, column 't': '12/31/2023' is not a date of the format '%d/%m/%Y'"):
        provider("t|y", "01/02/2024|", "12/31/2023|", date_format="%d/%m/%Y").rows_like(schema)


@pytest.mark.parametrize("time", [None, "a"])
def test_a_format_of_another_training_column_is_not_that_of_new_rows(provider, time):
    lines = ["31/12/2023|12/31/2023|0.5", "1/2/2024|12/30/2023|1.5"]
    training = provider("a|b|y", *lines, date_format="%d/%m/%Y", time=time)
    schema = training.schema
    # A saved model stores the options of its training data as they are once rows are read.
    new = provider("a|b|y", "01/02/2024|01/02/2024|", date_format=training.date_format)
    assert days(new.rows_like(schema))[0][-1] == "2024-01-02"


@pytest.mark.parametrize("count", [3, 30])
def test_texts_that_may_be_dates_of_an_unknown_format_are_noted(provider, caplog, count):
    texts = [f"Thu, {i % count + 1:02} Nov 2024 13:40:56 +0000" for i in range(30)]
    lines = [f"{i}|{text}|x{i % 2}|{i}.5" for i, text in enumerate(texts)]
    provider("a|when|other|y", *lines).rows()
    assert "if 'Thu, 01 Nov 2024 13:40:56 +0000' is a date, set date_format to its format" in caplog.text
    assert "column 'other'" not in caplog.text


def test_refused_identifiers_that_may_be_dates_are_said_to_be(provider):
    lines = [f"{i}|2024 November {i % 30 + 1}, {i}:00|{i}.5" for i in range(30)]
    with pytest.raises(DataError, match=r"look like identifiers; .*; if '2024 November 1, 0:00' is a date, set date"):
        provider("a|when|y", *lines, identifiers="refuse").rows()


def test_nat_is_a_missing_date(provider):
    assert days(provider("t|y", "2024-01-01|0.5", "NaT|1.5").rows()) == [["2024-01-01"], ["NaT"]]
