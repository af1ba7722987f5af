"""A text file of delimited records, read in blocks: fast as bytes, or slowly with exact line numbers."""

import codecs
import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import attrs

from gmcore.errors import DataError

__all__ = ["DelimitedFile", "records"]

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


@attrs.frozen(kw_only=True)
class DelimitedFile:
    """One file and its format.

    Attributes:
        path: the file, compressed with gzip or not.
        separator: the ASCII character between two fields.
        encoding: the text encoding, by Python's name.
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

    def text(self, *, newline: str = "") -> io.TextIOWrapper:
        """Open the text."""
        return io.TextIOWrapper(self.open(), "utf-8-sig" if self.is_utf8 else self.encoding, newline=newline)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line number and the fields of each record, the header first; a blank line has no fields."""
        with self.text() as text:
            try:
                yield from records(text, self.separator)
            except csv.Error as error:
                raise DataError(f"{self.path}, {error}") from error

    def line_of(self, row: int) -> int:
        """Return the number of the line where a row begins; the first row after the header is 0."""
        lines = (line for line, fields in self.records() if fields)
        return next(line for place, line in enumerate(lines, start=-1) if place == row)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield the text in UTF-8 in blocks of whole records, about `size` bytes each; the header is in the first."""
        decoder = None if self.is_utf8 else codecs.getincrementaldecoder(self.encoding)()
        rest = b""
        with self.open() as file:
            while chunk := file.read(size):
                rest += decoder.decode(chunk).encode() if decoder else chunk
                end = _end_of_records(rest)
                if end:
                    yield rest[:end]
                    rest = rest[end:]
        rest += decoder.decode(b"", final=True).encode() if decoder else b""
        if rest:
            yield rest

    def count(self, mark: bytes) -> int:
        """Return how often an ASCII character occurs, including in quoted fields."""
        return sum(block.count(mark) for block in self._decoded())

    def _decoded(self) -> Iterator[bytes]:
        decoder = None if self.is_utf8 else codecs.getincrementaldecoder(self.encoding)()
        with self.open() as file:
            while chunk := file.read(_CHUNK):
                yield decoder.decode(chunk).encode() if decoder else chunk
        if decoder:
            yield decoder.decode(b"", final=True).encode()


def records(lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line and the fields of each record; a blank line has no fields.

    Raises:
        csv.Error: if a record can't be parsed; its message begins with the line.
    """
    reader = csv.reader(lines, delimiter=separator)
    line, width = 1, 0
    try:
        for fields in reader:
            width = width or len(fields)
            blank = not fields or (len(fields) == 1 < width and not fields[0].strip())
            yield line, [] if blank else fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"line {line}: {error}") from error


def _end_of_records(text: bytes) -> int:
    """Return the end of the last whole record: after a line feed preceded by an even number of quotation marks."""
    end = text.rfind(b"\n") + 1
    odd = text.count(b'"', 0, end) % 2
    while end and odd:
        start = text.rfind(b"\n", 0, end - 1) + 1
        odd ^= text.count(b'"', start, end) % 2
        end = start
    return end
