"""The column names of a file, and the signs that a header is missing."""

import itertools
import re

import attrs

from gm_csv_data.files.delimited_file import DelimitedFile
from gmcore.errors import DataError

__all__ = ["Header", "read_header"]

_SEPARATORS = ",;\t|"
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_HINT = "if the file has no header, set header = false"


@attrs.frozen(kw_only=True)
class Header:
    """The column names of a file.

    Attributes:
        names: the names, without blanks around them.
        line: number of the header's line; 0 if the file has none.
        looks_like_data: the names that are numbers, if they suggest that the first record is a row.
    """

    names: tuple[str, ...]
    line: int
    looks_like_data: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """What to append to an error about column names."""
        return f"; {_HINT}" if self.looks_like_data else ""

    def warning(self, file: DelimitedFile) -> str:
        """Return a warning that the first record looks like a row; empty if it does not."""
        if not self.looks_like_data or file.dialect.header is True:
            return ""
        found = ", ".join(map(repr, self.looks_like_data[:3]))
        return f"{file.path}, line {self.line}: the header looks like data ({found}); {_HINT}, else header = true"


def read_header(file: DelimitedFile) -> Header:
    """Return the column names of a file.

    Raises:
        DataError: if there is no header, or two names are equal.
    """
    line, names = next(file.records(), (0, []))
    if not names:
        raise DataError(f"{file.path} is empty: it has neither a header nor rows")
    other = next((mark for mark in _SEPARATORS if len(names) == 1 and mark in names[0]), None)
    if other:
        raise DataError(
            f"{file.path} has only one column {names[0]!r:.80}; "
            f"if {other!r} separates fields, set separator = {other!r}"
        )
    stripped = tuple(name.strip() for name in names)
    header = Header(names=stripped, line=line, looks_like_data=_numbers(stripped) if line else ())
    twice = [f"'{name}' {stripped.count(name)} times" for name in dict.fromkeys(stripped) if stripped.count(name) > 1]
    if twice:
        where = f"{file.path}, line {line}" if line else f"{file.path}"
        raise DataError(f"{where}: column names must be unique, got {', '.join(twice)}{header.hint}")
    return header


def _numbers(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that are numbers, unless they count columns or years, such as 0, 1, 2 or 1990, 1991."""
    numbers = tuple(name for name in names if _NUMBER.fullmatch(name))
    if len(numbers) > 1 and all(name.isdecimal() for name in numbers):
        steps = {int(after) - int(before) for before, after in itertools.pairwise(numbers)}
        return () if steps == {1} else numbers
    return numbers
