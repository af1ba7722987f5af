"""Rows that are kept in files mapped into memory, made once for the files' content and the options."""

import contextlib
import hashlib
import json
import logging
import os
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

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
"""Changes when the same files and options give other rows than before."""

_SECONDS = 5.0

Read = Callable[..., Table]
Encode = Callable[[Table, Callable[..., np.ndarray]], Rows]

_log = logging.getLogger("gmcore.csv")


@attrs.frozen(kw_only=True)
class RowCache:
    """Where rows are kept, if they are.

    Attributes:
        folder: where caches are; None for the usual place.
        wanted: whether rows are kept, or read into memory.
        needed: whether it is an error if the place does not take them.
        limit: bytes that all kept rows may take together; None for 10 GB, or a tenth of the disk if that is less.
    """

    folder: Path | None
    wanted: bool
    needed: bool
    limit: int | None = None

    @property
    def memory(self) -> Path | None:
        """Where hashes of files are remembered, if they are."""
        return self._place / "hashes" if self.wanted else None

    def rows(
        self, source: Source, options: Mapping[str, object], read: Read, encode: Encode
    ) -> tuple[Rows, tuple[str, ...]]:
        """Return rows, and the names of all columns of the files.

        Args:
            source: the files.
            options: what the rows depend on beside the files.
            read: from where tables are spilt to, and who is told of progress, to a table.
            encode: from a table, and a way to make an array to be filled, to rows.

        Raises:
            DataError: as `read` and `encode` do.
            OutputError: if the cache is needed and its place does not take it.
        """
        if self.wanted:
            try:
                return self._kept(source, options, read, encode)
            except OutputError as error:
                if self.needed:
                    raise OutputError(f"{error}; say where with cache_folder, or cache = false") from error
                _log.warning("%s; %s is read into memory instead", error, source.name)
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

        def make(folder: Path) -> tuple[Any, dict[str, object]]:
            begun = time.monotonic()
            table = read(spill=folder, tell=_Progress(source.name))
            rows = encode(table, _OnDisk(folder))
            refuse_changed(source, before)
            _log.info("%s: %s rows kept in %s, %.0f s", source.name, f"{len(rows):,}", place, time.monotonic() - begun)
            return rows.blocks(), {"columns": table.names}

        place = self._place / _key(content, options)
        room = CacheLimit(place=self._place, limit=self.limit or default_limit(self._place))
        with contextlib.ExitStack() as using:
            if (handle := room.use(place.name)) is not None:
                using.callback(os.close, handle)
            stored = row_store.kept_rows(place, make, say=_log.warning)
            weakref.finalize(stored.rows, using.pop_all().close)
        count, freed = room.shrink()
        if count:
            _log.info("%s: removed what was used longest ago, %s", room.place, size_text(freed))
        text = "rows are kept in %s, %s of %s at most (cache_limit); it can be deleted at any time"
        _log.info(text, room.place, size_text(room.used()), size_text(room.limit))
        return stored.rows, tuple(stored.about["columns"])


@attrs.frozen
class _OnDisk:
    """Makes arrays in files, column after column, so that filling one column writes in one place."""

    folder: Path

    def __call__(self, shape: tuple[int, int], dtype: type) -> np.ndarray:
        try:
            path = self.folder / f"{np.dtype(dtype)}.npy"
            return np.lib.format.open_memmap(path, "w+", dtype, shape, fortran_order=True)
        except OSError as error:
            raise OutputError(f"cannot keep rows in {self.folder}: {error.strerror or error}") from error


@attrs.define
class _Progress:
    """Says how many rows were read, every few seconds."""

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
