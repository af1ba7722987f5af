"""Recognition of files in other formats, such as Parquet and Excel."""

from gm_csv_data.files.delimited_file import DelimitedFile
from gmcore.errors import DataError

__all__ = ["refuse_foreign"]

_HEAD = 4096
_CSV = "save it as CSV first"
_UNPACK = "decompress it first, or use gzip"
_FORMATS = {
    b"PAR1": ("a Parquet file", _CSV),
    b"ARROW1\0\0": ("an Arrow file", _CSV),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an Excel file", _CSV),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", _CSV),
    b"SQLite format 3\0": ("an SQLite database", _CSV),
    b"\x93NUMPY": ("a NumPy file", _CSV),
    b"BZh": ("compressed with bzip2", _UNPACK),
    b"\xfd7zXZ\0": ("compressed with xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", _UNPACK),
}
_ZIP = b"PK\x03\x04"


def refuse_foreign(file: DelimitedFile) -> None:
    """Raise `DataError` if a file has another known format, recognised by its first bytes.

    Raises:
        OSError: if the file can't be read.
    """
    with file.open() as content:
        head = content.read(_HEAD)
    # The column `PAR1` of a text file is a name.
    if not any(byte < ord("\t") for byte in head[:64]):
        return
    if head.startswith(_ZIP):
        excel = b"[Content_Types].xml" in head or b"xl/" in head or file.path.suffix.lower() == ".xlsx"
        raise DataError(f"{file.path} is {'an Excel file' if excel else 'a zip file'}; {_CSV if excel else _UNPACK}")
    for magic, (name, remedy) in _FORMATS.items():
        if head.startswith(magic):
            raise DataError(f"{file.path} is {name}; {remedy}")
