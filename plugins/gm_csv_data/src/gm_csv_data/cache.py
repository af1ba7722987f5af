"""A cache of rows in memory-mapped files, built once for each content of the CSV files and set of options."""

import contextlib
import hashlib
import json
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import attrs
import numpy as np
import polars as pl

from gm_csv_data.cache_limit import CacheLimit, default_limit
from gm_csv_data.content import content_sha256, refuse_changed, stamps
from gm_csv_data.diagnosis import unreadable
from gm_csv_data.source import Source
from gm_csv_data.table import Table
from gmcore.domain import Rows
from gmcore.domain.sizes import size_text
from gmcore.errors import OutputError
from gmcore.storage import row_store
from gmcore.storage.temporary import cache_folder

__all__ = ["RowCache"]

_FORMAT = 1
"""Changes when the same files and options give other rows than in an earlier version."""

_SECONDS = 5.0

Read = Callable[..., Table]
Encode = Callable[[Table, Callable[..., np.ndarray]], Rows]

_log = logging.getLogger("gmcore.csv")


@attrs.frozen(kw_only=True)
class RowCache:
    """A cache of rows, which may be disabled.

    Attributes:
        folder: the folder of all caches; None for the default one.
        wanted: whether rows are cached instead of read into memory.
        needed: whether it is an error if the folder can't be written.
        limit: largest size of the cache in bytes; None for 10 GB or a tenth of the disk, whichever is less.
    """

    folder: Path | None
    wanted: bool
    needed: bool
    limit: int | None = None

    @property
    def memory(self) -> Path | None:
        """The folder in which the hashes of files are cached; None if the cache is disabled."""
        return self._place / "hashes" if self.wanted else None

    def rows(
        self, source: Source, options: Mapping[str, object], read: Read, encode: Encode
    ) -> tuple[Rows, tuple[str, ...]]:
        """Return the rows, and the names of all columns in the files.

        Args:
            source: the files.
            options: the options that the rows depend on.
            read: reads the table; takes `spill` and `tell` as `read_table` does.
            encode: makes rows from a table and a function that allocates arrays.

        Raises:
            DataError: if `read` or `encode` raises it.
            OutputError: if the cache is needed and its folder can't be written.
        """
        if self.wanted:
            try:
                return self._kept(source, options, read, encode)
            except OutputError as error:
                if self.needed:
                    raise OutputError(f"{error}; set cache_folder to another folder, or cache = false") from error
                _log.warning("%s; reading %s into memory instead", error, source.name)
        table = read()
        return encode(table, np.empty), table.names

    @property
    def _place(self) -> Path:
        return (self.folder or cache_folder()) / "csv"

    def _kept(
        self, source: Source, options: Mapping[str, object], read: Read, encode: Encode
    ) -> tuple[Rows, tuple[str, ...]]:
        try:
            before = stamps(source)
            content = content_sha256(source, self.memory)
        except OSError as error:
            raise unreadable(source.files[0], error) from error

        def make(folder: Path) -> tuple[Iterable[Rows], dict[str, object]]:
            begun = time.monotonic()
            table = read(spill=folder, tell=_Progress(source.name))
            rows = encode(table, _OnDisk(folder))
            refuse_changed(source, before)
            _log.info("%s: %s rows kept in %s, %.0f s", source.name, f"{len(rows):,}", place, time.monotonic() - begun)
            return rows.blocks(), {"columns": table.names}

        place = self._place / _key(content, options)
        limit = CacheLimit(place=self._place, limit=self.limit or default_limit(self._place))
        with contextlib.ExitStack() as using:
            if (handle := limit.use(place.name)) is not None:
                using.callback(os.close, handle)
            stored = row_store.kept_rows(place, make, say=_log.warning)
            weakref.finalize(stored.rows, using.pop_all().close)
        count, freed = limit.shrink()
        if count:
            _log.info("%s: removed the least recently used rows, %s", limit.place, size_text(freed))
        text = "rows are kept in %s, %s of at most %s (cache_limit); the folder can be deleted at any time"
        _log.info(text, limit.place, size_text(limit.used()), size_text(limit.limit))
        return stored.rows, tuple(stored.about["columns"])


@attrs.frozen
class _OnDisk:
    """Allocates arrays in files, in column order, so that a column is written contiguously."""

    folder: Path

    def __call__(self, shape: tuple[int, int], dtype: type) -> np.ndarray:
        try:
            path = self.folder / f"{np.dtype(dtype)}.npy"
            return np.lib.format.open_memmap(path, "w+", dtype, shape, fortran_order=True)
        except OSError as error:
            raise OutputError(f"cannot keep rows in {self.folder}: {error.strerror or error}") from error


@attrs.define
class _Progress:
    """Logs the number of rows read, every few seconds."""

    name: str
    _next: float = attrs.field(init=False, factory=lambda: time.monotonic() + _SECONDS)

    def __call__(self, rows: int) -> None:
        if time.monotonic() >= self._next:
            _log.info("%s: %s rows read", self.name, f"{rows:,}")
            self._next = time.monotonic() + _SECONDS


def _key(content: str, options: Mapping[str, object]) -> str:
    parts = {
        "content": content,
        "options": options,
        "formats": [row_store.FORMAT, _FORMAT],
        "polars": pl.__version__,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()[:32]
