"""Text files of delimited records: their formats, their headers, and what can be wrong with them."""

from gm_csv_data.files.delimited_file import DelimitedFile
from gm_csv_data.files.dialect import Dialect
from gm_csv_data.files.source import Source, find_files

__all__ = ["DelimitedFile", "Dialect", "Source", "find_files"]
