"""Parts of dates agree with Python's calendar, from 1 January of the year 1 to 31 December 9999."""

import calendar
import datetime as dt
import math
from typing import get_args

import numpy as np
import pytest

from gmcore.domain.data.dates import FIRST_DAY, LAST_DAY, MISSING_DAY, decode_dates, encode_dates, outside_calendar
from gmcore.nn.preprocessing import DateParts
from gmcore.nn.preprocessing.date_parts import Part
from gmcore.testing.layer_checks.rows import fitted

RNG = np.random.default_rng(0)
EPOCH = dt.datetime.fromisoformat("1970-01-01")
ENDS = ["0001-01-01T00:00:00", "9999-12-31T23:59:59", "1969-12-31T23:59:59", "1970-01-01T00:00:00"]
LEAPS = [f"{year}-{day}T12:00:01" for year in (1600, 1900, 2000, 2023, 2024) for day in ("02-28", "03-01", "12-31")]
RANDOM = [EPOCH + dt.timedelta(int(day), int(second)) for day, second in
          zip(RNG.integers(FIRST_DAY, LAST_DAY + 1, 3000), RNG.integers(0, 86_400, 3000), strict=True)]  # fmt: skip
DATES = [*map(dt.datetime.fromisoformat, [*ENDS, *LEAPS, "2000-02-29T00:00:00", "2024-02-29T00:00:00"]), *RANDOM]
ENCODED = encode_dates(np.array(DATES, "datetime64[s]"))
FIRST = "2020-03-05"


def learnt(layer, rows, weights=None):
    blocks = [rows[:2], rows[2:]]
    own = None if weights is None else [weights[:2], weights[2:]]
    return fitted(layer, blocks, weights=own)


def of_day(when):
    return when.hour * 3600 + when.minute * 60 + when.second


def expected(part, when):
    """Return what Python's `datetime` and `calendar` say."""
    day_of_year, days_in_month = when.timetuple().tm_yday, calendar.monthrange(when.year, when.month)[1]
    passed, length = {
        "time_of_year": (day_of_year - 1, 365 + calendar.isleap(when.year)),
        "time_of_month": (when.day - 1, days_in_month),
        "time_of_week": (when.weekday(), 7),
        "time_of_day": (0, 1),
    }.get(part, (None, None))
    if length:
        angle = 2 * math.pi * (passed + of_day(when) / 86_400) / length
        return [math.sin(angle), math.cos(angle)]
    return [{
        "elapsed_days": (when - EPOCH) / dt.timedelta(1),
        "year": when.year, "quarter": (when.month + 2) // 3, "month": when.month, "day": when.day,
        "day_of_year": day_of_year, "day_of_week": when.weekday(),
        "hour": when.hour, "minute": when.minute, "second": when.second,
        "is_month_start": when.day == 1, "is_month_end": when.day == days_in_month,
    }[part]]  # fmt: skip


@pytest.mark.parametrize("part", get_args(Part))
def test_a_part_is_what_pythons_calendar_says(apply, part):
    found = apply(DateParts(parts=[part]), ENCODED[:, None])
    np.testing.assert_allclose(found, [expected(part, when) for when in DATES], rtol=0, atol=1e-9)


def test_the_numbers_of_a_column_are_together_in_the_order_of_the_parts(apply):
    layer, rows = DateParts(parts=["month", "time_of_day", "year"]), ENCODED.reshape(-1, 3, 2)
    found = apply(layer, rows)
    assert found.shape[1:] == layer.output_shape((3, 2)) == (12,)
    for column in range(3):
        alone = apply(layer, rows[:, column : column + 1])
        np.testing.assert_array_equal(found[:, 4 * column : 4 * column + 4], alone)


def test_a_missing_date_is_nan_in_all_parts(apply):
    rows = encode_dates(np.array([["NaT", "2024-01-02"], ["2024-01-02", "NaT"]], "datetime64[s]"))
    assert rows[0, 0].tolist() == [MISSING_DAY, 0] == [-(2**31), 0]
    found = apply(DateParts(parts=get_args(Part)), rows).reshape(2, 2, -1)
    assert np.isnan(found[[0, 1], [0, 1]]).all()
    assert np.isfinite(found[[0, 1], [1, 0]]).all()


def test_elapsed_days_count_from_the_first_day_of_the_rows_that_count(apply):
    layer = DateParts(parts=["elapsed_days"])
    texts = [["1850-01-01", "NaT"], [FIRST, "NaT"], ["NaT", "NaT"], ["2020-03-06T18:00:00", "NaT"]]
    rows = encode_dates(np.array(texts, "datetime64[s]"))
    variables = learnt(layer, rows, np.array([0.0, 1.0, 1.0, 0.5]))
    assert variables.buffers["first_day"].dtype == np.int32
    np.testing.assert_array_equal(apply(layer, rows, variables)[1:, 0], [0.0, np.nan, 1.75])
    assert learnt(layer, rows).buffers["first_day"][0] == ENCODED[0, 0] + (dt.date(1850, 1, 1) - dt.date.min).days
    assert learnt(layer, rows).buffers["first_day"][1] == 0  # no date
    assert learnt(layer, rows[:0]).buffers["first_day"].tolist() == [0, 0]


@pytest.mark.parametrize("parts", [[], ["year", "year"], ["week_of_moon"]])
def test_parts_are_known_and_different(parts):
    with pytest.raises(ValueError, match="parts"):
        DateParts(parts=parts)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 2)])
def test_rows_that_are_no_dates_are_refused(shape):
    with pytest.raises(ValueError, match=r"DateParts needs rows of dates, \(columns, 2\), got shape"):
        DateParts().output_shape(shape)


def test_dates_are_encoded_without_fractions_and_decoded():
    texts = ["1969-12-31T23:59:59.999", "2024-02-29T00:00:00.5", "NaT"]
    encoded = encode_dates(np.array(texts, "datetime64[ns]"))
    assert encoded.dtype == np.int32
    assert encoded.tolist() == [[-1, 86_399], [19_782, 0], [MISSING_DAY, 0]]
    assert decode_dates(encoded).astype(str).tolist() == ["1969-12-31T23:59:59", "2024-02-29T00:00:00", "NaT"]
    far = np.array(["0000-12-31", "0001-01-01", "9999-12-31", "10000-01-01", "NaT"], "datetime64[D]")
    assert outside_calendar(far).tolist() == [True, False, False, True, False]
