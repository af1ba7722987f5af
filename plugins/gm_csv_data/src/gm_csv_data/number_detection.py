"""Detection of how a file writes its numbers; in doubt, an error."""

from collections.abc import Iterable, Sequence
from typing import Literal

import attrs
import polars as pl

from gm_csv_data.column import Column, shortened
from gm_csv_data.dates import are_dates
from gm_csv_data.number_format import PLAIN, Decimal, NumberFormat, Thousands, formats, looks_numeric
from gm_csv_data.table import Table

__all__ = ["NumberOptions", "read_numbers"]

_SAMPLE = 1000


@attrs.frozen(kw_only=True)
class NumberOptions:
    """The options `decimal` and `thousands`: a separator, or `"auto"`; no thousands separator is empty."""

    decimal: Decimal | Literal["auto"] = "auto"
    thousands: Thousands | Literal["auto"] = "auto"


def read_numbers(table: Table, names: Iterable[str], options: NumberOptions) -> Table:
    """Return the table with the format of its numbers, found in the columns `names`.

    The format is that which fits all columns of numbers. It is the plain one if all their values are plain numbers.

    Raises:
        DataError: if columns are written in different formats, or the values fit formats that give other numbers.
    """
    names = [name for name in names if name in table]
    allowed = list(formats(options.decimal, options.thousands))
    pointed = [number_format for number_format in allowed if number_format.decimal == "."]
    texts = _numeric_texts(table, names)
    if pointed and all(PLAIN.fits(values).all() for _, values in texts):
        return table.with_numbers(pointed[0])
    # Numbers that were read as such have lost how they were written: `1.234` may be 1234.
    if pointed != allowed and any(table.types[name].is_float() for name in names):
        table = table.as_text()
        texts = _numeric_texts(table, names)
    return table.with_numbers(_chosen(texts, allowed))


def _numeric_texts(table: Table, names: Iterable[str]) -> list[tuple[Column, pl.Series]]:
    """Return the columns of text in which at least half of the values look like numbers, with those values."""
    found = []
    for name in names:
        if table.types[name] == pl.String:
            column = table[name]
            distinct = column.distinct
            numeric = distinct.filter(looks_numeric(distinct))
            if len(numeric) and 2 * len(numeric) >= len(distinct) and not are_dates(distinct):
                found.append((column, numeric))
    return found


def _chosen(texts: Sequence[tuple[Column, pl.Series]], allowed: Sequence[NumberFormat]) -> NumberFormat:
    possible = list(allowed)
    for column, values in texts:
        fitting = _fitting(values, allowed)
        if not fitting:
            continue  # no format reads this column, which is refused unless it is given a kind
        left = [number_format for number_format in possible if number_format in fitting]
        if not left:
            raise column.error(
                f"its numbers, such as {shortened(_example(values))}, are written with {fitting[0]}, those of other "
                f"columns with {possible[0]}; write them in one way, or set drop = ['{column.name}']"
            )
        possible = left
    if {number_format.decimal for number_format in possible} == {".", ","}:
        _refuse_doubt(texts, possible)
    return possible[0]


def _fitting(values: pl.Series, allowed: Sequence[NumberFormat]) -> list[NumberFormat]:
    """Return the formats that fit all values; each distinct question is asked once, because values may be millions."""
    sample = values.head(_SAMPLE)
    fits = dict[NumberFormat, bool]()
    found = []
    for number_format in allowed:
        asked = number_format if number_format.has_groups(values) else attrs.evolve(number_format, thousands="")
        if asked not in fits:
            fits[asked] = bool(asked.fits(sample).all() and asked.fits(values).all())
        if fits[asked]:
            found.append(number_format)
    return found


def _refuse_doubt(texts: Sequence[tuple[Column, pl.Series]], possible: Sequence[NumberFormat]) -> None:
    """Raise `DataError` if values are different numbers in different formats."""
    for column, values in texts:
        for number_format in possible[1:]:
            first, second = possible[0].parse(values), number_format.parse(values)
            differ = (first != second).fill_null(value=False)
            if differ.any() and possible[0].fits(values).all() and number_format.fits(values).all():
                place = int(differ.arg_max() or 0)
                pair = sorted((possible[0], number_format), key=lambda one: len(one.thousands))
                raise column.error(
                    f"{shortened(values[place])} can be {first[place]:g} or {second[place]:g}, and no other number in "
                    f"the file tells which; set {pair[1]}, or {pair[0]}"
                )


def _example(values: pl.Series) -> str:
    unusual = values.filter(~values.str.contains(r"^[0-9]+$"))
    return str((unusual if len(unusual) else values)[0])
