"""A column of a table, converted to the requested kind of values, with errors that name line and value."""

from collections.abc import Callable, Sequence
from functools import cached_property

import attrs
import numpy as np
import polars as pl

from gm_csv_data.dates import parse_dates, recognized_dates
from gm_csv_data.files.source import Source
from gm_csv_data.number_format import PLAIN, NumberFormat, looks_numeric, mixed_signs
from gmcore.domain.data.date_formats import format_words
from gmcore.domain.data.date_recognition import RecognizedDates, read_new
from gmcore.domain.data.dates import encode_dates
from gmcore.errors import DataError

__all__ = ["DEFAULT_MISSING", "Column", "shortened"]

DEFAULT_MISSING = ("", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NaT", "NULL", "null", "None", "?")

_FEW = 4  # rows per different value
_LONGEST_SHOWN = 80  # characters
_LONGEST_ID = 200  # characters; rows hold all ids in the width of the longest
_PLAIN_BOOLEANS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_BOOLEANS = _PLAIN_BOOLEANS | {"t": 1.0, "y": 1.0, "on": 1.0, "1": 1.0, "f": 0.0, "n": 0.0, "off": 0.0, "0": 0.0}


@attrs.frozen(eq=False)
class Column:
    """A column's values and the files they come from.

    Attributes:
        values: numbers, booleans or texts, null where missing.
        source: the files.
        number_format: how numbers in text are written.
    """

    values: pl.Series
    source: Source
    number_format: NumberFormat = PLAIN

    @property
    def name(self) -> str:
        """The name in the header."""
        return self.values.name

    @property
    def texts(self) -> pl.Series:
        """The values as text."""
        return self.values.cast(pl.String)

    @cached_property
    def distinct(self) -> pl.Series:
        """The different values, in the order of their first row, without missing ones."""
        return self.values.drop_nulls().unique(maintain_order=True)

    @cached_property
    def parsed(self) -> pl.Series:
        """The values as float64, null where missing or not a number."""
        if self.is_text:
            return self._mapped(self.number_format.parse)
        return self.values.cast(pl.Float64, strict=False)

    @cached_property
    def numeric(self) -> pl.Series:
        """Whether each value is a number or looks like one, which may be written in another format."""
        numbers = self.parsed.is_not_null()
        return numbers | self._mapped(looks_numeric).fill_null(value=False) if self.is_text else numbers

    @property
    def is_text(self) -> bool:
        """Whether the values are texts, as they are written."""
        return self.values.dtype == pl.String

    @property
    def is_boolean(self) -> bool:
        """Whether all values are true or false, or yes or no, in upper or lower case."""
        texts = self.distinct.cast(pl.String)
        return bool(texts.str.to_lowercase().is_in(list(_PLAIN_BOOLEANS)).all())

    def numbers(self) -> np.ndarray:
        """Return float64 numbers, NaN where missing.

        Raises:
            DataError: if a value is not a number or is infinite.
        """
        parsed = self.parsed
        if parsed.null_count() > self.values.null_count():
            bad = parsed.is_null() & self.values.is_not_null()
            written = "" if self.number_format == PLAIN else f" with {self.number_format}"
            raise self.error_at(bad, f"is not a number{written}; correct it or add it to 'missing'")
        mixed = mixed_signs(self.distinct) if self.is_text else None
        if mixed is not None:
            raise self.error_at(
                self.values.is_in(self.distinct.filter(mixed).to_list()),
                "has another sign of currency or percent than other values; write all values in one unit",
            )
        if parsed.is_infinite().any():
            raise self.error_at(parsed.is_infinite(), "is infinite; correct it or add it to 'missing'")
        return parsed.fill_null(np.nan).to_numpy()

    def booleans(self) -> np.ndarray:
        """Return float64: 1 for true, 0 for false, NaN where missing.

        Raises:
            DataError: if a value is neither true nor false.
        """
        found = self.texts.str.to_lowercase().replace_strict(_BOOLEANS, default=None, return_dtype=pl.Float64)
        if found.null_count() > self.values.null_count():
            bad = found.is_null() & self.values.is_not_null()
            raise self.error_at(bad, "is neither true nor false; correct it or add it to 'missing'")
        return found.fill_null(np.nan).to_numpy()

    def codes(self, categories: Sequence[str]) -> np.ndarray:
        """Return int32 codes: the position in `categories`, starting at 1; 0 for missing and unknown values."""
        places = pl.Series(range(1, len(categories) + 1), dtype=pl.Int32)
        return self.texts.replace_strict(pl.Series(categories, dtype=pl.String), places, default=0).to_numpy()

    def recognized_dates(self, date_format: str | None = None) -> RecognizedDates | None:
        """Return the dates that most of the different texts are, in the given format if possible; None if fewer are."""
        return recognized_dates(self.distinct, date_format) if self.is_text else None

    def refuse_unclear(self, found: RecognizedDates, remedy: str) -> None:
        """Raise `DataError` if a text is no date, but most are, or if day and month can't be told apart."""
        if found.stray.any():
            raise self.error_at(
                self.values == self.distinct[int(found.stray.argmax())],
                f"is not {format_words(found.date_format)}, but {found.dates_counted}; correct it, add it to "
                f"'missing', {remedy}",
            )
        if found.doubt is not None:
            options = " or ".join(f"date_format = {one!r}" for one in found.formats)
            raise self.error_at(
                self.values == self.distinct[found.doubt[0]],
                f"fits two formats of dates; set {options}, which holds for all columns",
            )

    def dates(self, date_format: str | None, other: str | None = None, *, is_new: bool = False) -> np.ndarray:
        """Return dates as in `Rows.inputs["datetime"]`, `(rows, 2)`, int32.

        Args:
            date_format: the format of the texts; None for ISO 8601.
            other: another format that they may have if the first one is ISO 8601.
            is_new: whether the other format was given for these rows only, so that it is preferred.

        Raises:
            DataError: if a value is no date of the format within the years 1 to 9999.
        """
        texts = Column(self.texts, self.source)
        present = self.values.is_not_null().to_numpy()

        def read(one: str | None) -> np.ndarray:
            return texts._mapped(lambda values: parse_dates(values, one)).to_numpy().astype("datetime64[s]")

        found = np.full(len(present), np.datetime64("NaT", "s"))
        read_in, found[present] = read_new(date_format, other, lambda one: read(one)[present], is_new=is_new)
        bad = pl.Series(np.isnat(found) & present)
        if bad.any():
            raise self.error_at(
                bad,
                f"is not {format_words(read_in)}; correct it, or predict from model.read(path, date_format=…), or from "
                "a data frame with datetimes",
            )
        return encode_dates(found)

    def groups(self) -> np.ndarray:
        """Return int64 codes, equal for equal texts.

        Raises:
            DataError: if a value is missing.
        """
        self.refuse_missing()
        return (self.texts.rank("dense").cast(pl.Int64) - 1).to_numpy()

    def weights(self) -> np.ndarray:
        """Return float64 weights.

        Raises:
            DataError: if a weight is missing, infinite or negative, or all are 0.
        """
        self.refuse_missing()
        weights = self.numbers()
        if (weights < 0).any():
            raise self.error_at(pl.Series(weights < 0), "is negative; weights must be at least 0")
        if not weights.any():
            raise self.error("all weights are 0")
        return weights

    def ids(self) -> np.ndarray:
        """Return the texts as an array of strings, empty where missing.

        Raises:
            DataError: if a text is too long to be an id.
        """
        texts = self.texts.fill_null("")
        too_long = texts.str.len_chars() > _LONGEST_ID
        if too_long.any():
            raise self.error_at(too_long, f"has more than {_LONGEST_ID} characters, which is too long for an id")
        return texts.to_numpy().astype(str)

    @property
    def lost(self) -> pl.Series:
        """Whether each value is missing."""
        return self.values.is_null() | self.parsed.is_nan().fill_null(value=False)

    def refuse_missing(self, remedy: str = "remove those rows") -> None:
        """Raise `DataError` if values are missing, with their number and the line of the first."""
        lost = self.lost
        if lost.any():
            line = self.source.line(int(lost.arg_max() or 0))
            raise self.error(f"{lost.sum()} of {len(lost)} values are missing, the first in {line}; {remedy}")

    def in_order(self) -> tuple[str, ...]:
        """Return the distinct values as texts, sorted by number if all are numbers, else by text."""
        texts = self.texts.drop_nulls().unique()
        numbers = Column(texts, self.source, self.number_format).parsed
        by = [texts] if numbers.has_nulls() else [numbers, texts]
        return tuple(pl.DataFrame({"text": texts}).sort(by)["text"])

    def error(self, problem: str) -> DataError:
        """Return an error about the whole column."""
        return DataError(f"{self.source.name}, column '{self.name}': {problem}")

    def error_at(self, bad: pl.Series, problem: str) -> DataError:
        """Return an error about the first value where `bad` is true."""
        row = int(bad.arg_max() or 0)
        value = self.values[row]
        replaced = f"; {value!r} is a default mark that 'missing' replaces, 'extra_missing' adds marks instead"
        hint = replaced if value in DEFAULT_MISSING else ""
        return DataError(f"{self.source.place(row)}, column '{self.name}': {shortened(value)} {problem}{hint}")

    def _mapped(self, function: Callable[[pl.Series], pl.Series]) -> pl.Series:
        """Return a function of each value; it is computed once for each different value if there are few."""
        if _FEW * len(self.distinct) > len(self.values):
            return function(self.values)
        found = function(self.distinct)
        return self.values.replace_strict(self.distinct, found, default=None, return_dtype=found.dtype)


def shortened(value: object) -> str:
    """Return the `repr` of a value for a message, at most a line long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
