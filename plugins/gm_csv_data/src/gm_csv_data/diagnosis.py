"""What is wrong with a file, in words: looked for only where something must be."""

import gzip
import zlib

from gm_csv_data.delimited_file import DelimitedFile
from gmcore.errors import DataError, did_you_mean

__all__ = ["blank_rows", "explain", "header", "unreadable"]

_SEPARATORS = ",;\t|"


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


def blank_rows(file: DelimitedFile) -> list[int]:
    """Return which rows are blank lines, counted from the header.

    Raises:
        DataError: if a row has more or fewer fields than the header.
    """
    records = (record for record in file.records())
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
        text = file.decode()
        blank_rows(file)
    except UnicodeError as wrong:
        return _wrong_encoding(file, wrong)
    except DataError as ragged:
        return ragged
    unbalanced = [number for number, line in enumerate(text.split("\n"), start=1) if line.count('"') % 2]
    if unbalanced:
        return DataError(
            f'{file.path}, line {unbalanced[0]}: quotation marks do not match; write one inside of a quoted field as ""'
        )
    reason, *_ = str(error).splitlines()
    return DataError(f"{file.path} can't be read as CSV: {reason}")


def _wrong_encoding(file: DelimitedFile, error: UnicodeError) -> DataError:
    if not isinstance(error, UnicodeDecodeError):
        return DataError(f"{file.path} is no text in {file.encoding}: {error}")
    content: bytes = error.object
    line = content.count(b"\n", 0, error.start) + 1
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in content and not utf16:
        return DataError(f"{file.path} is no text file")
    return DataError(
        f"{file.path}, line {line}: byte 0x{content[error.start]:02x} is no text in {file.encoding}; "
        f"say how it is written, such as encoding = '{'utf-16' if utf16 else 'latin-1'}'"
    )
