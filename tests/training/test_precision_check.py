"""Columns that lose too much precision in a dtype are named, and no others."""

import numpy as np
import pytest

from gmcore.domain import Feature, Rows, Schema, Target, TargetKind
from gmcore.training.precision_check import precision_notes

RNG = np.random.default_rng(0)


def rows_of(*columns, targets=None):
    count = len(columns[0])
    kind = TargetKind.REGRESSION
    schema = Schema(
        features=tuple(Feature(name="abcdefgh"[place]) for place in range(len(columns))),
        target=Target(names=("y",), kind=kind),
    )
    targets = RNG.normal(size=count) if targets is None else targets
    return Rows(schema=schema, inputs={"numeric": np.stack(columns, axis=1)}, targets=targets[:, None])


def notes(*columns, dtype="float32", **options):
    return list(precision_notes(rows_of(*columns, **options), dtype))


def noise(count=1000):
    return RNG.normal(size=count)


def test_a_column_whose_spread_float32_cannot_hold_is_named_with_what_to_do():
    (note,) = notes(noise(), 1e9 + noise(), noise())
    assert note.startswith("column 'b' varies by ")
    assert "around 1e+09, where float32 numbers are 64 apart: no digits of the variation are kept" in note
    assert 'set dtype = "float64", or subtract a constant such as 1e+09 from the column' in note


def test_the_remaining_precision_is_given_in_digits():
    (note,) = notes(1e6 + 0.5 * noise())  # numbers are 1/16 apart there
    assert "only about 0.9 digits of the variation are kept" in note


@pytest.mark.parametrize("spread", [1e-6, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("digits", [0, 1, 2, 4, 6])
def test_only_columns_with_fewer_than_three_digits_are_named(spread, digits):
    # The rounding error is at most half the spacing of float32 numbers: 2^-25 to 2^-24 of their magnitude.
    magnitude = spread * 10.0**-digits * 2**24
    assert bool(notes(magnitude + spread * noise())) == (digits < 3)


def test_float64_is_precise_enough():
    assert notes(1e9 + noise(), dtype="float64") == []
    assert notes(1e15 + noise(), dtype="float64") == []


def test_numbers_that_are_exact_in_float32_lose_nothing():
    assert notes(1e9 + 64.0 * RNG.integers(0, 3, 1000)) == []
    assert notes(np.full(1000, 1e9 + 0.3)) == []
    assert notes(RNG.integers(0, 2**24, 1000).astype(float)) == []


def test_missing_numbers_are_ignored():
    gaps = np.where(RNG.random(1000) < 0.5, np.nan, noise())
    assert notes(gaps, np.full(1000, np.nan)) == []
    (note,) = notes(np.where(np.isnan(gaps), np.nan, 1e9 + noise()))
    assert note.startswith("column 'a'")


def test_numeric_targets_are_checked_too():
    (note,) = notes(noise(), targets=1e9 + noise())
    assert note.startswith("target 'y' varies by ")


def test_sorted_rows_are_not_judged_by_the_first_of_them():
    # Seconds since 1970, in steps of 128: too coarse for the times of one day, but not of ten years.
    assert notes(np.linspace(1.4e9, 1.7e9, 300_000)) == []
    (note,) = notes(np.concatenate([np.zeros(0), np.linspace(1.7e9, 1.7e9 + 86_400, 300_000)]))
    assert "about 2.3 digits" in note


@pytest.mark.parametrize(("dtype", "value", "limit"), [("float32", 1e39, "3.4e+38"), ("float64", -1e200, "1.3e+154")])
def test_a_column_with_values_beyond_the_range_is_named(dtype, value, limit):
    column = noise()
    column[7] = value
    (note,) = notes(noise(), column, dtype=dtype)
    assert note.startswith(f"column 'b' has values as large as {abs(value):g}, but {dtype} allows {limit} at ")
