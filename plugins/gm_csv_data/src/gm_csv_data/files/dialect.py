"""The format of a CSV file: separators, quotes, comments and the header."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from _csv import Reader

__all__ = ["LONGEST_FIELD", "Dialect", "RecordLines"]

LONGEST_FIELD = 1 << 24
"""Characters."""


def _codec(name: str) -> str:
    """Return Python's usual name of a codec."""
    return codecs.lookup(name).name


@attrs.frozen(kw_only=True)
class Dialect:
    """How the text of a file is divided into records and fields.

    Attributes:
        separator: the ASCII character between two fields.
        encoding: the text encoding, by Python's name.
        quote: the character around fields that contain separators; empty for none.
        escape: the character before a literal separator or quote; empty for none.
        comment: the character at the beginning of lines to skip; empty for none.
        header: whether the first record has the column names; `"auto"`: unless there are `names`.
        names: the column names, instead of those in the file; empty for `column_1`, `column_2` and so on.
        skip_rows: number of lines before the header, or before the first row if there is none.
    """

    separator: str = ","
    encoding: str = attrs.field(default="utf-8", converter=_codec)
    quote: str = '"'
    escape: str = ""
    comment: str = ""
    header: bool | Literal["auto"] = "auto"
    names: tuple[str, ...] = ()
    skip_rows: int = 0

    @property
    def is_utf8(self) -> bool:
        """Whether the text needs no decoding before polars reads it."""
        return self.encoding in ("utf-8", "utf-8-sig", "ascii")

    @property
    def is_plain(self) -> bool:
        """Whether polars can read the records as they are."""
        return self.quote == '"' and not self.escape and not self.comment

    @property
    def has_header(self) -> bool:
        """Whether the first record has the column names."""
        return self.header is True or (self.header == "auto" and not self.names)

    def reader(self, lines: Iterable[str], *, strict: bool = False) -> "Reader":
        """Return a reader of the fields of each record; `strict` raises `csv.Error` at wrong quotes."""
        # The limit is the process's and is only ever raised. It bounds the memory that an unclosed quote takes.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
        if not self.quote:
            return csv.reader(
                lines, delimiter=self.separator, quoting=csv.QUOTE_NONE, escapechar=self.escape or None, strict=strict
            )
        return csv.reader(
            lines, delimiter=self.separator, quotechar=self.quote, escapechar=self.escape or None, strict=strict
        )


@attrs.define
class RecordLines(Iterator[str]):
    """The lines of a text, without skipped lines and comments; knows the line where the current record begins.

    Attributes:
        text: the lines.
        dialect: the format; a line is a comment only where a record begins, not within a quoted field.
        first: number of the first line of the current record, from 1.
        number: number of the latest line.
    """

    text: Iterator[str]
    dialect: Dialect
    first: int = 1
    number: int = 0
    _within: bool = attrs.field(default=False, init=False)

    def begin(self) -> None:
        """Let the next line begin a record."""
        self._within = False

    def __next__(self) -> str:
        for line in self.text:
            self.number += 1
            comment = self.dialect.comment
            if self.number <= self.dialect.skip_rows or (comment and not self._within and line.startswith(comment)):
                continue
            if not self._within:
                self.first, self._within = self.number, True
            return line
        raise StopIteration
