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
]

MISSING_DAY = -(2**31)
"""The day of a missing date; its second is 0."""
FIRST_DAY = -719_162
"""1 January of the year 1, in the proleptic Gregorian calendar."""
LAST_DAY = 2_932_896
"""31 December 9999."""
SECONDS_PER_DAY = 86_400


def encode_dates(dates: np.ndarray) -> np.ndarray:
    """Return dates as in `Rows.inputs["datetime"]`: days and seconds, `(…, 2)`, int32.

    Fractions of a second are dropped.

    Args:
        dates: datetime64 in UTC, NaT where missing, within the years 1 to 9999.
    """
    days = dates.astype("datetime64[D]")
    seconds = (dates.astype("datetime64[s]") - days).astype(np.int64)
    missing = np.isnat(dates)
    encoded = np.stack([np.where(missing, MISSING_DAY, days.astype(np.int64)), np.where(missing, 0, seconds)], axis=-1)
    return encoded.astype(np.int32)


def outside_calendar(dates: np.ndarray) -> np.ndarray:
    """Return which datetime64 are outside the years 1 to 9999; a missing date is not."""
    days = dates.astype("datetime64[D]").astype(np.int64)
    outside: np.ndarray = ~np.isnat(dates) & ((days < FIRST_DAY) | (days > LAST_DAY))
    return outside


def decode_dates(encoded: np.ndarray) -> np.ndarray:
    """Return datetime64[s], NaT where missing, the inverse of `encode_dates`."""
    days, seconds = np.moveaxis(np.asarray(encoded, np.int64), -1, 0)
    dates = (days * SECONDS_PER_DAY + seconds).astype("datetime64[s]")
    return np.where(days == MISSING_DAY, np.datetime64("NaT", "s"), dates)
