"""Numbers that are not plain: decimal commas, thousands separators, signs of currency and percent."""

import logging
import math

import numpy as np
import pytest
from gm_csv_data import CSVDataProvider

from gmcore.domain import Kind, TargetKind
from gmcore.errors import DataError


@pytest.fixture
def provider(tmp_path):
    """Write a file and return a provider of it; `y` is the target and `;` the separator by default."""

    def provider(text, **options):
        path = tmp_path / "data.csv"
        path.write_text(text)
        return CSVDataProvider(path=path, **({"target": "y", "separator": ";"} | options))

    return provider


def column(*values):
    """Return a file with these values in column `a`, and two classes."""
    return "a;y\n" + "".join(f"{value};{'pq'[i % 2]}\n" for i, value in enumerate(values))


def numbers(provider):
    assert [feature.kind for feature in provider.schema.features] == [Kind.NUMERIC] * len(provider.schema.features)
    return provider.rows().inputs["numeric"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1,5", "-2,25", "", "3"], [1.5, -2.25, math.nan, 3]),
        (["1.234,5", "12.345.678", "0,5", "7"], [1234.5, 12345678, 0.5, 7]),
        (["1,234.5", "12,345,678", ".5", "7"], [1234.5, 12345678, 0.5, 7]),
        (["1 234,5", "12\N{NO-BREAK SPACE}345", "7"], [1234.5, 12345, 7]),
        (["1'234.5", "12\N{RIGHT SINGLE QUOTATION MARK}345", "7"], [1234.5, 12345, 7]),
        (["€5", "€ 7.25", "-€3", "+2 €"], [5, 7.25, -3, 2]),
        (["5 %", "-7.5%", "0%"], [5, -7.5, 0]),
        (["$1,234.50", "$12"], [1234.5, 12]),
        (["\N{MINUS SIGN}5", "7"], [-5, 7]),
        (["1,5e3", "2,5E-1"], [1500, 0.25]),
    ],
)
def test_a_number_that_is_not_plain_is_a_number(provider, values, expected):
    np.testing.assert_array_equal(numbers(provider(column(*values)))[:, 0], expected)


def test_a_target_with_decimal_commas_is_a_number(provider):
    rows = provider("a;y\n" + "".join(f"{i};{i % 5},5\n" for i in range(10))).rows()
    assert rows.schema.target.kind is TargetKind.REGRESSION
    assert rows.targets[:3, 0].tolist() == [0.5, 1.5, 2.5]


def test_thousands_are_the_same_numbers_as_without_separators(provider):
    plain = "a;b;y\n" + "".join(f"{1000 * i};{i}.5;{i}.25\n" for i in range(1, 30))
    grouped = "a;b;y\n" + "".join(f"{1000 * i:,};{i}.5;{i}.25\n" for i in range(1, 30))
    np.testing.assert_array_equal(numbers(provider(grouped)), numbers(provider(plain)))


def test_other_columns_tell_what_a_comma_means(provider):
    assert numbers(provider("a;b;y\n1,234;0.5;p\n5,678;2;q\n")).tolist() == [[1234, 0.5], [5678, 2]]
    assert numbers(provider("a;b;y\n1,234;0,5;p\n5,678;2;q\n")).tolist() == [[1.234, 0.5], [5.678, 2]]
    assert numbers(provider("a;b;y\n1.234;0,5;p\n5.678;2;q\n")).tolist() == [[1234, 0.5], [5678, 2]]


def test_what_was_found_is_reported_and_kept_for_prediction(provider, caplog):
    data = provider("a;b;y\n1.234;0,5;p\n5.678;2;q\n")
    data.rows()
    assert "data.csv: numbers are read with decimal = ',' and thousands = '.'; set decimal and thousands" in caplog.text
    assert (data.decimal, data.thousands) == (",", ".")
    caplog.clear()
    plain = provider(column(1, 2))
    plain.rows()
    assert (plain.decimal, caplog.messages) == ("auto", [])


@pytest.mark.parametrize(("decimal", "expected"), [(",", 1.234), (".", 1234)])
def test_the_meaning_of_a_comma_can_be_given(provider, decimal, expected):
    assert numbers(provider(column("1,234", "2"), decimal=decimal))[0, 0] == expected


def test_a_given_decimal_comma_applies_to_columns_that_look_plain(provider):
    assert numbers(provider(column("1.234", "5.678"), decimal=","))[:, 0].tolist() == [1234, 5678]
    assert numbers(provider(column("1.234", "5.678")))[:, 0].tolist() == [1.234, 5.678]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            column("34,000", "35,000"),
            {},
            (
                "column 'a': '34,000' can be 34 or 34000, and no other number in the file tells which; "
                "set decimal = '.' and thousands = ',', or decimal = ','"
            ),
        ),
        (
            "a;b;y\n1,5;0.5;p\n2;1.5;q\n",
            {},
            (
                "column 'b': its numbers, such as '0.5', are written with decimal = '.', "
                "those of other columns with decimal = ','"
            ),
        ),
        (column("1,5", "2.5.1"), {}, "column 'a': '1,5' looks like a number, but is not one with decimal = '.'"),
        (column("1.5", "2"), {"decimal": ","}, "'1.5' looks like a number, but is not one with decimal = ','"),
        (column("5%", "0.5"), {}, "line 3, column 'a': '0.5' has another sign of currency or percent than other"),
        (column("€5", "$5"), {}, "line 3, column 'a': '$5' has another sign of currency or percent than other values"),
        (column("1,5", "2,5", "x"), {}, "line 4, column 'a': 'x' is not a number, but 2 other values are"),
    ],
)
def test_in_doubt_numbers_are_refused_and_never_categories(provider, text, options, message):
    with pytest.raises(DataError) as caught:
        provider(text, **options).rows()
    assert message in str(caught.value)


def test_rows_to_predict_are_read_in_the_format_found_in_training(provider):
    trained = provider("a;y\n1,5;0,5\n2,25;1,5\n3,5;7,5\n")
    schema = trained.schema
    new = provider("a\n1,234\n", decimal=trained.decimal, thousands=trained.thousands)
    assert new.rows_like(schema).inputs["numeric"].tolist() == [[1.234]]
    with pytest.raises(DataError, match=r"'1\.5' is not a number with decimal = ','; correct it"):
        provider("a\n1.5\n", decimal=trained.decimal).rows_like(schema)


def test_cached_rows_have_the_same_format_and_the_same_notes(provider, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    options = {"cache": True, "cache_folder": tmp_path / "kept"}
    found = []
    for _ in range(2):
        data = provider("a;b;y\n1.234;0,5;p\n5.678;2;q\n", **options)
        found.append((data.rows().inputs["numeric"].tolist(), data.decimal, data.thousands, tuple(caplog.messages)))
        caplog.clear()
    assert found[0] == found[1]
    assert found[0][0] == [[1234, 0.5], [5678, 2]]


def test_decimal_and_thousands_must_differ():
    with pytest.raises(ValueError, match="decimal and thousands must differ, got ',' for both"):
        CSVDataProvider(path="a.csv", decimal=",", thousands=",")
