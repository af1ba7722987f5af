"""Error messages for files that can't be read: a slow search for the cause, run only after a failure."""

import codecs
import gzip
import zlib
from collections.abc import Iterator

from gm_csv_data.delimited_file import DelimitedFile
from gmcore.errors import DataError, did_you_mean

__all__ = ["blank_rows", "explain", "header", "unreadable"]

_SEPARATORS = ",;\t|"
_CHUNK = 1 << 20


def header(file: DelimitedFile) -> list[str]:
    """Return the column names as written in the file.

    Raises:
        DataError: if there is no header, or two names are equal.
    """
    line, names = next(((line, fields) for line, fields in file.records() if fields), (0, []))
    if not names:
        raise DataError(f"{file.path} is empty: it has neither a header nor rows")
    other = next((mark for mark in _SEPARATORS if len(names) == 1 and mark in names[0]), None)
    if other:
        raise DataError(
            f"{file.path} has only one column '{names[0]}'; if {other!r} separates fields, set separator = {other!r}"
        )
    stripped = [name.strip() for name in names]
    twice = [f"'{name}' {stripped.count(name)} times" for name in dict.fromkeys(stripped) if stripped.count(name) > 1]
    if twice:
        raise DataError(f"{file.path}, line {line}: column names must be unique, got {', '.join(twice)}")
    return names


def blank_rows(records: Iterator[tuple[int, list[str]]], file: DelimitedFile) -> list[int]:
    """Return the rows that are blank lines, as positions; the first non-blank record, the header, is row 0.

    Raises:
        DataError: if a row has more or fewer fields than the header.
    """
    width = next(len(fields) for _, fields in records if fields)
    blank = []
    for row, (line, fields) in enumerate(records):
        if not fields:
            blank.append(row)
        elif len(fields) != width:
            hint = f"; put fields that contain {file.separator!r} in quotes" if len(fields) > width else ""
            raise DataError(
                f"{file.path}, line {line}: the header has {width} fields, but this row has {len(fields)}{hint}"
            )
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
        wrong = _undecodable(file)
        if wrong is not None:
            return wrong
        for _ in blank_rows(file.records(), file):
            pass
    except DataError as ragged:
        return ragged
    with file.text(newline="\n") as text:
        unbalanced = next((number for number, line in enumerate(text, start=1) if line.count('"') % 2), None)
    if unbalanced:
        return DataError(
            f'{file.path}, line {unbalanced}: unbalanced quotation marks; inside a quoted field, write "" for "'
        )
    reason, *_ = str(error).splitlines()
    return DataError(f"{file.path} can't be read as CSV: {reason}")


def _undecodable(file: DelimitedFile) -> DataError | None:
    """Return an error with the position of the first byte that can't be decoded, or None."""
    decoder = codecs.getincrementaldecoder("utf-8" if file.is_utf8 else file.encoding)()
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
                return DataError(f"{file.path} is not valid {file.encoding}: {error}")
            if not chunk:
                return None
            lines += chunk.count(b"\n")


def _wrong_encoding(file: DelimitedFile, head: bytes, *, line: int, byte: int) -> DataError:
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in head and not utf16:
        return DataError(f"{file.path} is not a text file")
    return DataError(
        f"{file.path}, line {line}: byte 0x{byte:02x} is not valid {file.encoding}; "
        f"set the file's encoding, such as encoding = '{'utf-16' if utf16 else 'latin-1'}'"
    )
