"""Row stores that are built once and kept; several processes may ask for the same one at the same time."""

import contextlib
import errno
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from gmcore.domain import Rows
from gmcore.errors import DataError
from gmcore.storage.files import make_durable
from gmcore.storage.row_store import StoredRows, as_output_error, open_rows, write_rows
from gmcore.storage.temporary import temporary_folder

__all__ = ["kept_rows"]


def kept_rows(
    folder: Path,
    make: Callable[[Path], tuple[Iterable[Rows], Mapping[str, object]]],
    *,
    say: Callable[[str], object] = lambda _: None,
) -> StoredRows:
    """Return the rows in a store, which is built first if it is absent or damaged.

    Several processes may call this at once: the first store that is complete is kept.

    Args:
        folder: the store's folder.
        make: returns blocks of rows and further JSON values to record; its argument is an empty temporary folder.
        say: called with a message if the store is damaged.

    Raises:
        OutputError: if the store can't be written; nothing is left behind.
    """
    try:
        stored = open_rows(folder)
    except DataError as damage:
        say(f"{damage}; rebuilding them")
        stored = None
    if stored is not None:
        return stored
    with temporary_folder(folder.parent) as temporary:
        (temporary / "made").mkdir()
        blocks, about = make(temporary / "made")
        write_rows(temporary / "rows", blocks, about)
        _install(temporary / "rows", folder)
    stored = open_rows(folder)
    assert stored is not None  # noqa: S101 - it was installed
    return stored


def _install(written: Path, folder: Path) -> None:
    """Move a new store to `folder`, unless an intact one is there."""
    with as_output_error(folder):
        while not _moved(written, folder):
            with contextlib.suppress(DataError):
                if open_rows(folder) is not None:
                    return
            # Move the damaged store away instead of deleting it: other processes may have it mapped.
            with contextlib.suppress(FileNotFoundError):
                folder.rename(written.with_name(uuid.uuid4().hex))
        make_durable(folder)


def _moved(written: Path, folder: Path) -> bool:
    """Move a folder, and return False if its destination is occupied."""
    try:
        written.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True
