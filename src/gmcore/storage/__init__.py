"""Storage on disk: durable files, run folders, checkpoints, models and rows.

What is listed here is for plugins too: folders that outlive a crash unharmed, files that are written whole or not at
all, and rows stored as arrays that are mapped into memory.
"""

from gmcore.storage.files import make_folder, write_whole
from gmcore.storage.row_store import StoredRows, open_rows, write_rows
from gmcore.storage.temporary import cache_folder, temporary_folder

__all__ = [
    "StoredRows",
    "cache_folder",
    "make_folder",
    "open_rows",
    "temporary_folder",
    "write_rows",
    "write_whole",
]
