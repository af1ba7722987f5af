"""Dates as numbers, from datetime64 of any unit."""

import numpy as np
import pytest

from gmcore.domain.data.date_formats import LONGEST, read_dates
from gmcore.domain.data.dates import MISSING_DAY, decode_dates, encode_dates, outside_calendar, whole_seconds

UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")


@pytest.mark.parametrize("unit", [*UNITS, "25s", "10Y"])
def test_dates_of_every_unit_are_days_and_seconds(unit):
    dates = np.array([0, -1, "NaT"], f"datetime64[{unit}]")
    assert not outside_calendar(dates).any()
    days, seconds = encode_dates(dates).T.tolist()
    assert (days[0], days[2], seconds[0], seconds[2]) == (0, MISSING_DAY, 0, 0)
    # Fractions of a second before 1970 are those of the second before.
    assert 86_400 * days[1] + seconds[1] == whole_seconds(dates)[1].astype(int) < 0


@pytest.mark.parametrize("unit", UNITS[: UNITS.index("ns")])
def test_dates_outside_the_calendar_are_found_in_every_unit(unit):
    limit = np.iinfo(np.int64).max
    extreme = np.array([limit, -limit, 0], "int64").astype(f"datetime64[{unit}]")
    assert outside_calendar(extreme).tolist() == [True, True, False]
    edges = ["0000-12-20", "0001-01-08", "9999-12-31", "10000-01-14", "NaT"]
    assert outside_calendar(np.array(edges, f"datetime64[{unit}]")).tolist() == [True, False, False, True, False]


def test_the_days_of_the_calendar_and_missing_dates_come_back():
    ends = [f"{day}T{time}" for day in ("0001-01-01", "9999-12-31") for time in ("00:00:00", "23:59:59")]
    days = np.arange("1960-01-01", "1980-01-01", dtype="datetime64[D]").astype("datetime64[s]")
    dates = np.concatenate([np.array([*ends, "NaT"], "datetime64[s]"), days])
    encoded = encode_dates(dates)
    assert encoded[4].tolist() == [-(2**31), 0]
    np.testing.assert_array_equal(decode_dates(encoded), dates)


def test_a_long_text_is_no_date():
    fraction = "0" * (LONGEST - len("2024-02-29 21:05:09."))
    for date_format in (None, "%Y-%m-%d %T%.f"):
        texts = [f"2024-02-29 21:05:09.{fraction}", f"2024-02-29 21:05:09.{fraction}0", "a" * 1_000_000]
        assert np.isnat(read_dates(texts, date_format)).tolist() == [False, True, True]
    assert np.isnat(read_dates(["a" * 1_000_000], "%A%B%Y")).all()
