"""A text file of delimited records, read one by one: slow, and exact about lines."""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import attrs

from gmcore.errors import DataError

__all__ = ["DelimitedFile"]

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


@attrs.frozen(kw_only=True)
class DelimitedFile:
    """One file and how it is written.

    Attributes:
        path: where it is; compressed by gzip or not.
        separator: between two fields, one ASCII character.
        encoding: of the text, by Python's name.
    """

    path: Path
    separator: str
    encoding: str

    @property
    def is_utf8(self) -> bool:
        """Whether the text needs no decoding before polars reads it."""
        return self.encoding in ("utf-8", "utf-8-sig", "ascii")

    def open(self) -> BinaryIO:
        """Open the content, decompressed."""
        with self.path.open("rb") as file:
            compressed = file.read(len(_GZIP)) == _GZIP
        return cast("BinaryIO", gzip.open(self.path)) if compressed else self.path.open("rb")

    def decode(self) -> str:
        """Return the whole text."""
        with self.open() as file:
            return file.read().decode(self.encoding)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each record, the header first, with the number of its first line; an empty one for a blank line."""
        with io.TextIOWrapper(self.open(), "utf-8-sig" if self.is_utf8 else self.encoding, newline="") as text:
            reader = csv.reader(text, delimiter=self.separator)
            line, width = 1, 0
            try:
                for fields in reader:
                    width = width or len(fields)
                    blank = not fields or (len(fields) == 1 < width and not fields[0].strip())
                    yield line, [] if blank else fields
                    line = reader.line_num + 1
            except csv.Error as error:
                raise DataError(f"{self.path}, line {line}: {error}") from error

    def line_of(self, row: int) -> int:
        """Return the number of the line where a row begins; the first row after the header is 0."""
        lines = (line for line, fields in self.records() if fields)
        return next(line for place, line in enumerate(lines, start=-1) if place == row)

    def count(self, *marks: str) -> list[int]:
        """Return how often each ASCII character is found, inside of quoted fields too."""
        if not self.is_utf8:
            return [self.decode().count(mark) for mark in marks]
        counts = [0] * len(marks)
        with self.open() as file:
            while chunk := file.read(_CHUNK):
                counts = [count + chunk.count(mark.encode()) for count, mark in zip(counts, marks, strict=True)]
        return counts
