"""Dates as numbers: the day since 1970-01-01 and the second of the day, in UTC."""

import numpy as np

__all__ = [
    "FIRST_DAY",
    "LAST_DAY",
    "MISSING_DAY",
    "SECONDS_PER_DAY",
    "decode_dates",
    "encode_dates",
    "outside_calendar",
    "whole_seconds",
]

MISSING_DAY = -(2**31)
"""The day of a missing date; its second is 0."""
FIRST_DAY = -719_162
"""1 January of the year 1, in the proleptic Gregorian calendar."""
LAST_DAY = 2_932_896
"""31 December 9999."""
SECONDS_PER_DAY = 86_400

_AT_LEAST_SECONDS = frozenset({"Y", "M", "W", "D", "h", "m", "s"})
_AROUND_CALENDAR = np.array(["0000-01-01", "10000-12-31"], "datetime64[D]")


def encode_dates(dates: np.ndarray) -> np.ndarray:
    """Return dates as in `Rows.inputs["datetime"]`: days and seconds, `(…, 2)`, int32.

    Fractions of a second are dropped.

    Args:
        dates: datetime64 in UTC, NaT where missing, within the years 1 to 9999.
    """
    missing = np.isnat(dates)
    moments = np.where(missing, 0, whole_seconds(dates).astype(np.int64))
    days, seconds = np.divmod(moments, SECONDS_PER_DAY)
    return np.stack([np.where(missing, MISSING_DAY, days), seconds], axis=-1).astype(np.int32)


def outside_calendar(dates: np.ndarray) -> np.ndarray:
    """Return which datetime64 are outside the years 1 to 9999; a missing date is not."""
    days = whole_seconds(dates).astype("datetime64[D]").astype(np.int64)
    outside: np.ndarray = ~np.isnat(dates) & ((days < FIRST_DAY) | (days > LAST_DAY))
    return outside


def whole_seconds(dates: np.ndarray) -> np.ndarray:
    """Return datetime64 of any unit as datetime64[s], without fractions of a second.

    Dates outside the years 1 to 9999 stay outside, but may become others: NumPy does not check its conversion of years,
    days or hours for overflow, which may make them any date.
    """
    unit = np.datetime_data(dates.dtype)[0]
    if unit == "as":
        # NumPy converts attoseconds to no unit as coarse as seconds.
        dates = dates.astype("datetime64[ps]")
    elif unit in _AT_LEAST_SECONDS:
        dates = np.clip(dates, *_AROUND_CALENDAR.astype(dates.dtype))
    return dates.astype("datetime64[s]")


def decode_dates(encoded: np.ndarray) -> np.ndarray:
    """Return datetime64[s], NaT where missing, the inverse of `encode_dates`."""
    days, seconds = np.moveaxis(np.asarray(encoded, np.int64), -1, 0)
    dates = (days * SECONDS_PER_DAY + seconds).astype("datetime64[s]")
    return np.where(days == MISSING_DAY, np.datetime64("NaT", "s"), dates)
