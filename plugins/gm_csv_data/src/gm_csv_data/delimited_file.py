"""A text file of delimited records, read some at a time: quickly as bytes, or slowly and exact about lines."""

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

    def text(self, *, newline: str = "") -> io.TextIOWrapper:
        """Open the text."""
        return io.TextIOWrapper(self.open(), "utf-8-sig" if self.is_utf8 else self.encoding, newline=newline)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each record, the header first, with the number of its first line; an empty one for a blank line."""
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
        """Yield the text in UTF-8, about `size` bytes at a time, cut between records, the header in the first one."""
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
        """Return how often an ASCII character is found, inside of quoted fields too."""
        return sum(block.count(mark) for block in self._decoded())

    def _decoded(self) -> Iterator[bytes]:
        decoder = None if self.is_utf8 else codecs.getincrementaldecoder(self.encoding)()
        with self.open() as file:
            while chunk := file.read(_CHUNK):
                yield decoder.decode(chunk).encode() if decoder else chunk
        if decoder:
            yield decoder.decode(b"", final=True).encode()


def records(lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of its first line; an empty one for a blank line.

    Raises:
        csv.Error: if the lines can't be told apart; its text begins with the line.
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
    """Return where the last whole record ends: after a line feed with an even number of quotation marks before it."""
    end = text.rfind(b"\n") + 1
    odd = text.count(b'"', 0, end) % 2
    while end and odd:
        start = text.rfind(b"\n", 0, end - 1) + 1
        odd ^= text.count(b'"', start, end) % 2
        end = start
    return end
