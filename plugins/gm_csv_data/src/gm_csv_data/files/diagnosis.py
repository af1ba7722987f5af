"""Error messages for files that can't be read: a slow search for the cause, run only after a failure."""

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator

from gm_csv_data.files.delimited_file import DelimitedFile
from gm_csv_data.files.dialect import LONGEST_FIELD, RecordLines
from gmcore.errors import DataError, did_you_mean

__all__ = ["blank_rows", "explain", "unreadable"]

_CHUNK = 1 << 20


def blank_rows(records: Iterator[tuple[int, list[str]]], file: DelimitedFile) -> list[int]:
    """Return the rows that are blank lines, as positions; row 0 follows the first record that is not blank, the header.

    Raises:
        DataError: if rows have more or fewer fields than the header.
    """
    width, blank, first, more = next(len(fields) for _, fields in records if fields), [], "", 0
    for row, (line, fields) in enumerate(records):
        if not fields:
            blank.append(row)
        elif len(fields) != width and not first:
            hint = f"; put fields that contain {file.dialect.separator!r} in quotes" if len(fields) > width else ""
            begin = f"the header has {width} fields" if file.dialect.has_header else f"the first row has {width} fields"
            first = f"{file.path}, line {line}: {begin}, but this row has {len(fields)}{hint}"
        elif len(fields) != width:
            more += 1
    if first:
        raise DataError(f"{first}; {_more(more)}" if more else first)
    return blank


def unreadable(file: DelimitedFile, error: OSError) -> DataError:
    """Return an error that says why the file can't be opened or decompressed."""
    path = file.path
    if isinstance(error, IsADirectoryError) or path.is_dir():
        return DataError(f"{path} is a directory; name a CSV file in it")
    if isinstance(error, FileNotFoundError):
        folder = path.absolute().parent
        if not folder.is_dir():
            return DataError(f"there is no file {path}: there is no directory {folder}")
        return DataError(
            f"there is no file {path}{did_you_mean(path.name, (other.name for other in folder.glob('*')))}"
        )
    if isinstance(error, gzip.BadGzipFile):
        return DataError(f"{path} is a damaged gzip file: {error}")
    return DataError(f"{path} can't be read: {error.strerror or error}")


def explain(file: DelimitedFile, error: BaseException | None = None) -> DataError:
    """Return an error that says why the file can't be read as a table; `error` is the reader's."""
    if isinstance(error, EOFError | zlib.error):
        return DataError(f"{file.path} is a damaged gzip file: {error}")
    try:
        found = _undecodable(file) or _unclosed_quote(file)
        if found is not None:
            return found
        blank_rows(file.records(), file)
    except DataError as ragged:
        return ragged
    return DataError(
        f"{file.path} can't be read as CSV: its rows can't be told apart; check the quotation marks, and that all "
        "lines end in the same way"
    )


def _unclosed_quote(file: DelimitedFile) -> DataError | None:
    """Return an error with the line of the first quotation mark that opens or closes no field, or None."""
    quote = file.dialect.quote
    if not quote:
        return None
    with file.text() as text:
        lines, seen = RecordLines(text, file.dialect), list[tuple[int, str]]()
        reader = file.dialect.reader(_noted(lines, seen), strict=True)
        try:
            for _ in reader:
                if file.dialect.is_plain and sum(line.count(quote) for _, line in seen) % 2:
                    number = next(number for number, line in seen if line.count(quote) % 2)
                    return DataError(
                        f"{file.path}, line {number}: unbalanced quotation marks; "
                        f"inside a quoted field, write {quote * 2} for {quote}"
                    )
                seen.clear()
                lines.begin()
        except csv.Error as error:
            if "limit" in str(error) and not any(line.count(quote) % 2 for _, line in seen):
                return DataError(f"{file.path}, line {lines.first}: a field has more than {LONGEST_FIELD:,} characters")
            return DataError(
                f"{file.path}, line {_opened(seen, quote)}: a quotation mark opens here and is not closed at the end "
                f"of its field; inside a quoted field, write {quote * 2} for {quote}"
            )
    return None


def _noted(lines: RecordLines, seen: list[tuple[int, str]]) -> Iterable[str]:
    """Yield lines, and append the number and text of each to `seen`."""
    for line in lines:
        seen.append((lines.number, line))
        yield line


def _opened(seen: list[tuple[int, str]], quote: str) -> int:
    """Return the number of the line of a record on which its last quoted field opens."""
    opened, within = seen[0][0], False
    for number, line in seen[:-1] or seen:
        if line.count(quote) % 2:
            within = not within
            opened = number if within else opened
    return opened


def _undecodable(file: DelimitedFile) -> DataError | None:
    """Return an error with the position of the first byte that can't be decoded, or None."""
    decoder = codecs.getincrementaldecoder("utf-8" if file.dialect.is_utf8 else file.dialect.encoding)()
    head, lines = b"", 0
    with file.open() as content:
        while True:
            chunk = content.read(_CHUNK)
            head = head or chunk
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                # `error.object` begins with the undecoded rest of the previous chunk.
                left_over = error.object[: len(error.object) - len(chunk)]
                lines += error.object.count(b"\n", 0, error.start) - left_over.count(b"\n")
                return _wrong_encoding(file, head, line=lines + 1, byte=error.object[error.start])
            except UnicodeError as error:
                return DataError(f"{file.path} is not valid {file.dialect.encoding}: {error}")
            if not chunk:
                return None
            lines += chunk.count(b"\n")


def _wrong_encoding(file: DelimitedFile, head: bytes, *, line: int, byte: int) -> DataError:
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in head and not utf16:
        return DataError(f"{file.path} is not a text file")
    return DataError(
        f"{file.path}, line {line}: byte 0x{byte:02x} is not valid {file.dialect.encoding}; "
        f"set the file's encoding, such as encoding = '{'utf-16' if utf16 else 'latin-1'}'"
    )


def _more(count: int) -> str:
    return "1 more row does not fit" if count == 1 else f"{count:,} more rows do not fit"
