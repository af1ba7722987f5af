"""A text file of delimited records, read in blocks: fast as bytes, or slowly with exact line numbers."""

import codecs
import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import attrs

from gm_csv_data.files.dialect import LONGEST_FIELD, Dialect, RecordLines
from gmcore.errors import DataError

__all__ = ["DelimitedFile", "records"]

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


@attrs.frozen(kw_only=True)
class DelimitedFile:
    """One file and its format.

    Attributes:
        path: the file, compressed with gzip or not.
        dialect: its format.
    """

    path: Path
    dialect: Dialect

    def open(self) -> BinaryIO:
        """Open the content, decompressed."""
        with self.path.open("rb") as file:
            compressed = file.read(len(_GZIP)) == _GZIP
        return cast("BinaryIO", gzip.open(self.path)) if compressed else self.path.open("rb")

    def text(self) -> io.TextIOWrapper:
        """Open the text; line endings are kept."""
        encoding = "utf-8-sig" if self.dialect.is_utf8 else self.dialect.encoding
        return io.TextIOWrapper(self.open(), encoding, newline="")

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line number and the fields of each record that is not blank, the column names first.

        Without a header, the column names come from the dialect, with line 0. If the first row has one field more than
        the header and that field is empty, each line ends with a separator, and there is one more column, named "".
        """
        with self.text() as text:
            try:
                raw = (record for record in records(text, self.dialect) if record[1])
                first, second = next(raw, None), next(raw, None)
                if first is None:
                    return
                yield self._header(first, second)
                yield from [] if self.dialect.has_header else [first]
                yield from [] if second is None else [second]
                yield from raw
            except csv.Error as error:
                raise DataError(f"{self.path}, {error}") from error

    def line_of(self, row: int) -> int:
        """Return the number of the line where a row begins; the first row after the header is 0."""
        return next(line for place, (line, _) in enumerate(self.records(), start=-1) if place == row)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield the text in UTF-8 in blocks of whole records, about `size` bytes each; the header is in the first.

        Fields are quoted with `"`, whatever the dialect.
        """
        if not self.dialect.is_plain:
            yield from self._rewritten(size)
            return
        rest = b""
        for chunk in self._chunks(size):
            rest += chunk
            end = _end_of_records(rest)
            if end:
                yield rest[:end]
                rest = rest[end:]
        if rest:
            yield rest

    def count(self, mark: bytes) -> int:
        """Return how often an ASCII character occurs, including in quoted fields."""
        return sum(block.count(mark) for block in self._chunks(_CHUNK))

    def _header(self, first: tuple[int, list[str]], second: tuple[int, list[str]] | None) -> tuple[int, list[str]]:
        line, fields = first if self.dialect.has_header else (0, [])
        names = list(self.dialect.names) or fields or [f"column_{place + 1}" for place in range(len(first[1]))]
        sample = second if self.dialect.has_header else first
        ends = sample is not None and len(sample[1]) == len(names) + 1 and not sample[1][-1].strip()
        names = [*names, ""] if ends else names
        if self.dialect.names and len(names) != len(first[1]) and not (ends and self.dialect.has_header):
            raise DataError(
                f"{self.path}: names has {len(self.dialect.names)} names, but the file has {len(first[1])} columns"
            )
        return line, names

    def _chunks(self, size: int) -> Iterator[bytes]:
        """Yield the text in UTF-8, without byte order mark and skipped lines; lone carriage returns as line feeds."""
        skip, begun, lone = self.dialect.skip_rows, False, self._has_lone_returns()
        for decoded in self._decoded(size):
            chunk = decoded.replace(b"\r", b"\n") if lone else decoded
            if not begun and chunk:
                chunk, begun = chunk.removeprefix(_BOM), True
            while skip and chunk:
                end = chunk.find(b"\n") + 1
                skip -= end > 0
                chunk = chunk[end:] if end else b""
            yield chunk

    def _decoded(self, size: int) -> Iterator[bytes]:
        decoder = None if self.dialect.is_utf8 else codecs.getincrementaldecoder(self.dialect.encoding)()
        # The whole byte order mark is in the first chunk.
        with self.open() as file:
            while chunk := file.read(max(size, len(_BOM))):
                yield decoder.decode(chunk).encode() if decoder else chunk
        if decoder:
            yield decoder.decode(b"", final=True).encode()

    def _has_lone_returns(self) -> bool:
        """Return whether lines end with carriage returns alone, as on computers before 2001."""
        head = next(self._decoded(_CHUNK), b"")
        return b"\r" in head and b"\n" not in head

    def _rewritten(self, size: int) -> Iterator[bytes]:
        """Yield blocks of the same records in the plain dialect, written anew from parsed fields, which is slower."""
        with self.text() as text:
            block = io.StringIO(newline="")
            writer = csv.writer(block, delimiter=self.dialect.separator, lineterminator="\n")
            for _, fields in records(text, self.dialect, strict=True):
                writer.writerow(fields)
                if block.tell() >= size:
                    yield block.getvalue().encode()
                    block.seek(0)
                    block.truncate()
            if block.tell():
                yield block.getvalue().encode()


def records(text: Iterator[str], dialect: Dialect, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line and the fields of each record; a blank line has no fields.

    Raises:
        csv.Error: if a record can't be parsed; its message begins with the line.
    """
    lines = RecordLines(text, dialect)
    reader, width = dialect.reader(lines, strict=strict), 0
    try:
        while (fields := next(reader, None)) is not None:
            width = width or len(fields)
            blank = not fields or (len(fields) == 1 < width and not fields[0].strip())
            yield lines.first, [] if blank else fields
            lines.begin()
    except csv.Error as error:
        problem = f"a field has more than {LONGEST_FIELD:,} characters" if "limit" in str(error) else "wrong quotes"
        raise csv.Error(f"line {lines.first}: {problem}") from error


def _end_of_records(text: bytes) -> int:
    """Return the end of the last whole record: after a line feed preceded by an even number of quotation marks."""
    end = text.rfind(b"\n") + 1
    odd = text.count(b'"', 0, end) % 2
    while end and odd:
        start = text.rfind(b"\n", 0, end - 1) + 1
        odd ^= text.count(b'"', start, end) % 2
        end = start
    return end
