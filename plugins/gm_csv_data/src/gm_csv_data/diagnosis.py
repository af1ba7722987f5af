"""What is wrong with a file, in words: looked for only where something must be."""

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
    """Return the column names as they stand in the file.

    Raises:
        DataError: if there are none, or two are the same.
    """
    line, names = next(((line, fields) for line, fields in file.records() if fields), (0, []))
    if not names:
        raise DataError(f"{file.path} is empty: it has neither a header nor rows")
    other = next((mark for mark in _SEPARATORS if len(names) == 1 and mark in names[0]), None)
    if other:
        raise DataError(f"{file.path} has one column '{names[0]}': is it written with separator = {other!r}?")
    stripped = [name.strip() for name in names]
    twice = [f"'{name}' {stripped.count(name)} times" for name in dict.fromkeys(stripped) if stripped.count(name) > 1]
    if twice:
        raise DataError(f"{file.path}, line {line}: column names must be unique, got {', '.join(twice)}")
    return names


def blank_rows(records: Iterator[tuple[int, list[str]]], file: DelimitedFile) -> list[int]:
    """Return which rows are blank lines, counted from the header, which is the first record that is not blank.

    Raises:
        DataError: if a row has more or fewer fields than the header.
    """
    width = next(len(fields) for _, fields in records if fields)
    blank = []
    for row, (line, fields) in enumerate(records):
        if not fields:
            blank.append(row)
        elif len(fields) != width:
            hint = f"; put a field that holds a {file.separator!r} in quotes" if len(fields) > width else ""
            raise DataError(
                f"{file.path}, line {line}: the header has {width} fields and this row has {len(fields)}{hint}"
            )
    return blank


def unreadable(file: DelimitedFile, error: OSError) -> DataError:
    """Return why the file can't be opened or decompressed."""
    path = file.path
    if isinstance(error, IsADirectoryError) or path.is_dir():
        return DataError(f"{path} is a directory: name a CSV file in it")
    if isinstance(error, FileNotFoundError):
        folder = path.absolute().parent
        if not folder.is_dir():
            return DataError(f"there is no file {path}: there is no directory {folder}")
        return DataError(
            f"there is no file {path}{did_you_mean(path.name, (beside.name for beside in folder.glob('*')))}"
        )
    if isinstance(error, gzip.BadGzipFile):
        return DataError(f"{path} is compressed and damaged: {error}")
    return DataError(f"{path} can't be read: {error.strerror or error}")


def explain(file: DelimitedFile, error: BaseException | None = None) -> DataError:
    """Return why the file can't be read as a table; `error` is what its reader said."""
    if isinstance(error, EOFError | zlib.error):
        return DataError(f"{file.path} is compressed and damaged: {error}")
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
            f'{file.path}, line {unbalanced}: quotation marks do not match; write one inside of a quoted field as ""'
        )
    reason, *_ = str(error).splitlines()
    return DataError(f"{file.path} can't be read as CSV: {reason}")


def _undecodable(file: DelimitedFile) -> DataError | None:
    """Return where the file is no text in its encoding, if it is not."""
    decoder = codecs.getincrementaldecoder("utf-8" if file.is_utf8 else file.encoding)()
    head, lines = b"", 0
    with file.open() as content:
        while True:
            chunk = content.read(_CHUNK)
            head = head or chunk
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                # What was left over from the chunk before stands in front of this one.
                left_over = error.object[: len(error.object) - len(chunk)]
                lines += error.object.count(b"\n", 0, error.start) - left_over.count(b"\n")
                return _wrong_encoding(file, head, line=lines + 1, byte=error.object[error.start])
            except UnicodeError as error:
                return DataError(f"{file.path} is no text in {file.encoding}: {error}")
            if not chunk:
                return None
            lines += chunk.count(b"\n")


def _wrong_encoding(file: DelimitedFile, head: bytes, *, line: int, byte: int) -> DataError:
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in head and not utf16:
        return DataError(f"{file.path} is no text file")
    return DataError(
        f"{file.path}, line {line}: byte 0x{byte:02x} is no text in {file.encoding}; "
        f"say how it is written, such as encoding = '{'utf-16' if utf16 else 'latin-1'}'"
    )
