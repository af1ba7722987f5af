"""A column of a table, converted to the requested kind of values, with errors that name line and value."""

from collections.abc import Sequence
from datetime import UTC, datetime

import attrs
import numpy as np
import polars as pl

from gm_csv_data.source import Source
from gmcore.errors import DataError

__all__ = ["Column"]

_PLAIN_BOOLEANS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_BOOLEANS = _PLAIN_BOOLEANS | {"t": 1.0, "y": 1.0, "on": 1.0, "1": 1.0, "f": 0.0, "n": 0.0, "off": 0.0, "0": 0.0}


@attrs.frozen(eq=False)
class Column:
    """A column's values and the files they come from.

    Attributes:
        values: numbers, booleans or texts, null where missing.
        source: the files.
    """

    values: pl.Series
    source: Source

    @property
    def name(self) -> str:
        """The name in the header."""
        return self.values.name

    @property
    def texts(self) -> pl.Series:
        """The values as text."""
        return self.values.cast(pl.String)

    @property
    def parsed(self) -> pl.Series:
        """The values as float64, null where missing or not a number."""
        values = self.values
        if values.dtype == pl.String:
            values = values.str.replace(r"^\+([0-9.])", "${1}")
        return values.cast(pl.Float64, strict=False)

    @property
    def is_boolean(self) -> bool:
        """Whether all values are true or false, or yes or no, in upper or lower case."""
        return bool(self.texts.drop_nulls().str.to_lowercase().is_in(list(_PLAIN_BOOLEANS)).all())

    def numbers(self) -> np.ndarray:
        """Return float64 numbers, NaN where missing.

        Raises:
            DataError: if a value is not a number or is infinite.
        """
        parsed = self.parsed
        if parsed.null_count() > self.values.null_count():
            bad = parsed.is_null() & self.values.is_not_null()
            raise self.error_at(bad, "is not a number; correct it or add it to 'missing'")
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

    def instants(self) -> np.ndarray:
        """Return times as float64, or as datetime64 in UTC.

        Raises:
            DataError: if a value is missing or is neither a number nor an ISO 8601 date.
        """
        self.refuse_missing()
        if self.parsed.null_count() == 0:
            return self.numbers()
        instants = np.empty(len(self.values), "datetime64[us]")
        for row, text in enumerate(self.texts):
            try:
                instant = datetime.fromisoformat(text)
            except ValueError as error:
                bad = pl.int_range(len(self.values), eager=True) == row
                raise self.error_at(bad, "is not a time; write a number or an ISO date such as 2024-12-31") from error
            instants[row] = instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
        return instants

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

    def refuse_missing(self) -> None:
        """Raise `DataError` if values are missing, with their number and the line of the first."""
        lost = self.values.is_null() | self.parsed.is_nan().fill_null(value=False)
        if lost.any():
            line = self.source.line(int(lost.arg_max() or 0))
            raise self.error(f"{lost.sum()} of {len(lost)} values are missing, the first in {line}; remove those rows")

    def in_order(self) -> tuple[str, ...]:
        """Return the distinct values as texts, sorted by number if all are numbers, else by text."""
        texts = self.texts.drop_nulls().unique()
        numbers = Column(texts, self.source).parsed
        by = [texts] if numbers.has_nulls() else [numbers, texts]
        return tuple(pl.DataFrame({"text": texts}).sort(by)["text"])

    def error(self, problem: str) -> DataError:
        """Return an error about the whole column."""
        return DataError(f"{self.source.name}, column '{self.name}': {problem}")

    def error_at(self, bad: pl.Series, problem: str) -> DataError:
        """Return an error about the first value where `bad` is true."""
        row = int(bad.arg_max() or 0)
        return DataError(f"{self.source.place(row)}, column '{self.name}': {self.values[row]!r} {problem}")
