"""Numbers from dates: elapsed time, positions in the year, month, week and day, and calendar numbers."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Literal, get_args

import attrs
import numpy as np
from attrs.validators import deep_iterable, in_, min_len

from gmcore.domain import Array, RowBlock, Shape, Variables
from gmcore.domain.data.dates import LAST_DAY, MISSING_DAY, SECONDS_PER_DAY
from gmcore.nn.layers.blocks import counted
from gmcore.nn.layers.defaults import describe_by_repr, of_one_array
from gmcore.nn.layers.per_column import per_column
from gmcore.nn.preprocessing.calendar import CivilDate, civil_date, day_of_week
from gmcore.ports import Layer, Namespace, Pass

__all__ = ["DateParts", "Part"]

Part = Literal[
    "elapsed_days",
    "time_of_year", "time_of_month", "time_of_week", "time_of_day",
    "year", "quarter", "month", "day", "day_of_year", "day_of_week", "hour", "minute", "second",
    "is_month_start", "is_month_end",
]  # fmt: skip
"""What can be computed from a date."""

_DAY_AND_SECOND = 2


def _distinct(_: object, attribute: "attrs.Attribute[tuple[Part, ...]]", value: tuple[Part, ...]) -> None:
    if len(set(value)) < len(value):
        raise ValueError(f"{attribute.name} must be different from each other, got {value}")


@attrs.frozen(kw_only=True)
class DateParts(Layer):
    """Expands each date to numbers, NaN where it is missing; rows are int32 days and seconds, `(columns, 2)`.

    The numbers of a column are next to each other, in the order of `parts`. A position in a period is two numbers,
    the sine and cosine of the fraction of the period that has passed, so that its end is next to its beginning.

    Attributes:
        parts: what is computed. `"elapsed_days"`: days since the first day in the training rows, with the time of the
            day as a fraction; in float32, it is accurate to a second for eight months, to a minute for 40 years.
            `"time_of_year"`, `"time_of_month"`, `"time_of_week"` and `"time_of_day"`: positions. `"day_of_week"`: 0 for
            Monday to 6 for Sunday. `"is_month_start"` and `"is_month_end"`: 1 on the first or last day of a month,
            else 0. The others are the calendar's numbers.
    """

    parts: tuple[Part, ...] = attrs.field(
        default=("elapsed_days", "time_of_year", "time_of_week", "time_of_day"),
        converter=tuple,
        validator=[min_len(1), deep_iterable(in_(get_args(Part))), _distinct],
    )

    describe = describe_by_repr

    def output_shape(self, input_shape: Shape) -> Shape:
        found = of_one_array(self, input_shape)
        if len(found) != 2 or found[1] != _DAY_AND_SECOND:  # noqa: PLR2004 - columns, day and second
            raise ValueError(f"DateParts needs rows of dates, (columns, {_DAY_AND_SECOND}), got shape {found}")
        return (input_shape[0] * sum(2 if part in _PERIODS else 1 for part in self.parts),)

    def init(self, rng: np.random.Generator, input_shape: Shape) -> Variables:
        self.output_shape(input_shape)
        return Variables(buffers={"first_day": np.zeros(input_shape[0], np.int32)})

    def adapt(self, variables: Variables, blocks: Iterable[RowBlock], *, rng: np.random.Generator) -> Variables:
        """Return the variables with each column's first day; unchanged for a column without dates."""
        none = LAST_DAY + 1
        first = np.full_like(variables.buffers["first_day"], none)
        for block, _ in counted(blocks):
            days = block[..., 0]
            first = np.minimum(first, np.where(days == MISSING_DAY, none, days).min(axis=0))
        found = np.where(first == none, variables.buffers["first_day"], first).astype(np.int32)
        return Variables(variables.params, {"first_day": found})

    def apply(self, variables: Variables, inputs: Array, at: Pass) -> Array:
        xp = at.xp
        missing = inputs[..., 0] == MISSING_DAY
        # Replaced before the arithmetic, which would overflow.
        days = xp.where(missing, 0, inputs[..., 0])
        dates = _Dates(days, inputs[..., 1], per_column(variables.buffers["first_day"], days), xp)
        numbers = xp.stack([number for part in self.parts for number in dates.numbers(part)], axis=-1)
        numbers = xp.where(xp.expand_dims(missing, -1), math.nan, numbers)
        return xp.reshape(numbers, (*numbers.shape[:-2], numbers.shape[-2] * numbers.shape[-1]))


@attrs.frozen(eq=False)
class _Dates:
    """Dates of a batch and the numbers computed from them, arrays `(batch, columns)`.

    Attributes:
        days: days since 1970-01-01, none missing.
        seconds: seconds of the day.
        first_day: the day from which elapsed time counts, `(columns,)`.
        xp: the namespace of the arrays.
    """

    days: Array
    seconds: Array
    first_day: Array
    xp: Namespace

    @cached_property
    def civil(self) -> CivilDate:
        return civil_date(self.days, self.xp)

    def numbers(self, part: Part) -> tuple[Array, ...]:
        """Return the one or two float arrays of a part."""
        if part in _PERIODS:
            day, length = _PERIODS[part](self)
            # Whole seconds are exact in float32 up to half a year; a day and its fraction would not be.
            passed = self._float(day * SECONDS_PER_DAY + self.seconds) / self._float(length * SECONDS_PER_DAY)
            angle = passed * (2 * math.pi)
            return self.xp.sin(angle), self.xp.cos(angle)
        if part == "elapsed_days":
            return (self._float(self.days - self.first_day) + self._float(self.seconds) / SECONDS_PER_DAY,)
        return (self._float(_NUMBERS[part](self)),)

    def _float(self, x: Array) -> Array:
        return self.xp.astype(x, self.xp.float)


def _unit(dates: _Dates, seconds: int, count: int) -> Array:
    """Return the number of units of time that have passed, of `count` in the next larger one."""
    return dates.xp.remainder(dates.xp.floor_divide(dates.seconds, seconds), count)


_PERIODS: Mapping[str, Callable[[_Dates], tuple[Array, Array]]] = {
    "time_of_year": lambda dates: (dates.civil.day_of_year - 1, dates.civil.days_in_year),
    "time_of_month": lambda dates: (dates.civil.day - 1, dates.civil.days_in_month),
    "time_of_week": lambda dates: (day_of_week(dates.days, dates.xp), dates.xp.full((), 7, dates.xp.int32)),
    "time_of_day": lambda dates: (dates.xp.full((), 0, dates.xp.int32), dates.xp.full((), 1, dates.xp.int32)),
}
"""The days of each period that have passed, and its length in days."""

_NUMBERS: Mapping[str, Callable[[_Dates], Array]] = {
    "year": lambda dates: dates.civil.year,
    "quarter": lambda dates: dates.xp.floor_divide(dates.civil.month + 2, 3),
    "month": lambda dates: dates.civil.month,
    "day": lambda dates: dates.civil.day,
    "day_of_year": lambda dates: dates.civil.day_of_year,
    "day_of_week": lambda dates: day_of_week(dates.days, dates.xp),
    "hour": lambda dates: _unit(dates, 3600, 24),
    "minute": lambda dates: _unit(dates, 60, 60),
    "second": lambda dates: _unit(dates, 1, 60),
    "is_month_start": lambda dates: dates.civil.day == 1,
    "is_month_end": lambda dates: dates.civil.day == dates.civil.days_in_month,
}
