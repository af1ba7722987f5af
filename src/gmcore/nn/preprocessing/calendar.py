"""Calendar arithmetic on int32 arrays, in any namespace."""

from typing import NamedTuple

from gmcore.domain import Array
from gmcore.ports import Namespace

__all__ = ["CivilDate", "civil_date", "day_of_week"]

_DAYS_TO_EPOCH = 719_468  # from 0000-03-01 to 1970-01-01
_DAYS_OF_400_YEARS, _DAYS_OF_4_YEARS = 146_097, 1461
_MARCH_TO_DECEMBER = 306  # days
_JANUARY_AND_FEBRUARY = 59  # days, but in a leap year
_THURSDAY = 3


class CivilDate(NamedTuple):
    """Dates of the proleptic Gregorian calendar, int32 arrays of one shape; counts begin at 1 as on paper.

    Attributes:
        year: the year.
        month: 1 to 12.
        day: day of the month.
        day_of_year: 1 to 366.
        days_in_month: 28 to 31.
        days_in_year: 365 or 366.
    """

    year: Array
    month: Array
    day: Array
    day_of_year: Array
    days_in_month: Array
    days_in_year: Array


def civil_date(days: Array, xp: Namespace) -> CivilDate:
    """Return the dates of days since 1970-01-01, in the years 1 to 9999.

    Years begin on 1 March, so that a leap day is the last day of its year, as in `civil_from_days` of Howard Hinnant,
    "chrono-Compatible Low-Level Date Algorithms", whose formulas for months these are. The century and the day of the
    year take fewer operations by Cassio Neri and Lorenz Schneider, "Euclidean affine functions and their application to
    calendar algorithms" (2022): a century has 146,097 / 4 days, a year of a century 1461 / 4.
    """
    quarters = 4 * (days + _DAYS_TO_EPOCH) + 3
    day_of_century = xp.floor_divide(xp.remainder(quarters, _DAYS_OF_400_YEARS), 4)
    quarters_of_century = 4 * day_of_century + 3
    from_march = xp.floor_divide(xp.remainder(quarters_of_century, _DAYS_OF_4_YEARS), 4)
    late = from_march >= _MARCH_TO_DECEMBER
    year_from_march = 100 * xp.floor_divide(quarters, _DAYS_OF_400_YEARS) + xp.floor_divide(
        quarters_of_century, _DAYS_OF_4_YEARS
    )
    year = year_from_march + xp.astype(late, xp.int32)
    leap = xp.astype(_is_leap(year, xp), xp.int32)
    month_from_march = xp.floor_divide(5 * from_march + 2, 153)
    first, following = _days_before(month_from_march, xp), _days_before(month_from_march + 1, xp)
    return CivilDate(
        year=year,
        month=xp.where(late, month_from_march - 9, month_from_march + 3),
        day=1 + from_march - first,
        day_of_year=1 + from_march + xp.where(late, -_MARCH_TO_DECEMBER, _JANUARY_AND_FEBRUARY + leap),
        days_in_month=xp.where(month_from_march == 11, 28 + leap, following - first),  # noqa: PLR2004 - February
        days_in_year=365 + leap,
    )


def day_of_week(days: Array, xp: Namespace) -> Array:
    """Return the day of the week of days since 1970-01-01, int32: 0 is Monday, 6 is Sunday."""
    return xp.remainder(days + _THURSDAY, 7)


def _days_before(month_from_march: Array, xp: Namespace) -> Array:
    """Return the days of a year from March that are before a month."""
    return xp.floor_divide(153 * month_from_march + 2, 5)


def _is_leap(year: Array, xp: Namespace) -> Array:
    # A multiple of 100 is one of 400 if it is one of 16.
    return xp.remainder(year, xp.where(xp.remainder(year, 100) == 0, 16, 4)) == 0
