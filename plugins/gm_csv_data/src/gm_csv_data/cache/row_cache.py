"""A cache of rows in memory-mapped files, built once for each content of the CSV files and set of options."""

import contextlib
import hashlib
import hmac
import json
import logging
import os
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import attrs
import numpy as np
import polars as pl

from gm_csv_data.cache.cache_limit import CacheLimit, default_limit
from gm_csv_data.cache.content import content_sha256, refuse_changed, stamps
from gm_csv_data.encoding import Encoded
from gm_csv_data.files.diagnosis import unreadable
from gm_csv_data.files.source import Source
from gm_csv_data.number_format import NumberFormat
from gm_csv_data.table import Table
from gmcore.domain import Rows
from gmcore.domain.sizes import size_text
from gmcore.errors import OutputError
from gmcore.storage import private, row_store
from gmcore.storage.files import write_whole
from gmcore.storage.kept_rows import kept_rows
from gmcore.storage.temporary import cache_folder

__all__ = ["RowCache"]

_FORMAT = 3
"""Changes when the same files and options give other rows than in an earlier version."""

_SECONDS = 5.0
_FACTS = "rows.json"
_SEAL = "rows.seal"
_SEALED_WITHIN = 10.0  # seconds; a process that has made an entry seals it at once
_POLL = 0.01

Read = Callable[..., Table]
Encode = Callable[[Table, Callable[..., np.ndarray]], Encoded]

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
        """The folder in which the hashes of files are cached; None if the cache is disabled or can't be written."""
        with contextlib.suppress(OutputError):
            return private.private_folder(self._folder(), "hashes") if self.wanted else None
        return None

    def rows(self, source: Source, options: Mapping[str, object], read: Read, encode: Encode) -> Encoded:
        """Return the rows, and what was found in the files.

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
        return encode(read(), np.empty)

    def _folder(self) -> Path:
        return private.private_folder(self.folder or cache_folder(), "csv")

    def _kept(self, source: Source, options: Mapping[str, object], read: Read, encode: Encode) -> Encoded:
        folder = self._folder()
        key = private.user_key(folder)
        try:
            before = stamps(source)
            content = content_sha256(source, self.memory)
        except OSError as error:
            raise unreadable(source.files[0], error) from error

        def make(temporary: Path) -> tuple[Iterable[Rows], dict[str, object]]:
            begun = time.monotonic()
            private.close_to_others(temporary.parent)
            encoded = encode(read(spill=temporary, tell=_Progress(source.name)), _OnDisk(temporary))
            refuse_changed(source, before)
            rows = f"{len(encoded.rows):,} rows kept in {place}"
            _log.info("%s: %s, %.0f s", source.name, rows, time.monotonic() - begun)
            return _closed(encoded.rows.blocks(), temporary.parent), _facts(encoded)

        place = folder / _name(content, options)
        limit = CacheLimit(place=folder, limit=self.limit or default_limit(folder))
        _discard_unsealed(place, key, limit)
        with contextlib.ExitStack() as using:
            if (handle := limit.use(place.name)) is not None:
                using.callback(os.close, handle)
            stored = kept_rows(place, make, say=_log.warning)
            _seal(place, key)
            weakref.finalize(stored.rows, using.pop_all().close)
        count, freed = limit.shrink()
        if count:
            _log.info("%s: removed the least recently used rows, %s", limit.place, size_text(freed))
        text = "rows are kept in %s, %s of at most %s (cache_limit); the folder can be deleted at any time"
        _log.info(text, limit.place, size_text(limit.used()), size_text(limit.limit))
        return _encoded(stored)


def _facts(encoded: Encoded) -> dict[str, object]:
    numbers = None if encoded.numbers is None else attrs.asdict(encoded.numbers)
    return {"columns": encoded.columns, "numbers": numbers, "notes": encoded.notes}


def _encoded(stored: row_store.StoredRows) -> Encoded:
    """Return stored rows with the facts that `_facts` recorded."""
    about = stored.about
    return Encoded(
        rows=stored.rows,
        columns=tuple(about["columns"]),
        numbers=None if about["numbers"] is None else NumberFormat(**about["numbers"]),
        notes=tuple(about["notes"]),
    )


def _closed(blocks: Iterable[Rows], folder: Path) -> Iterator[Rows]:
    """Yield blocks, and close the files in which they were written to other users.

    It happens before the store ends, because a change of permissions would look like a change of the content later.
    """
    yield from blocks
    private.close_to_others(folder)


def _seal(place: Path, key: bytes) -> None:
    """Seal the facts of an entry, which have the hashes of its arrays, if it has no seal yet."""
    path = place / _SEAL
    if path.exists():
        return
    try:
        private.close_to_others(place)
        write_whole(path, private.seal(key, (place / _FACTS).read_bytes()).encode(), mode=0o600)
    except FileNotFoundError:
        return  # another process removed the entry, whose arrays stay readable
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _discard_unsealed(place: Path, key: bytes, limit: CacheLimit) -> None:
    """Remove an entry unless this user has sealed it; wait for a process that is about to."""
    until = time.monotonic() + _SEALED_WITHIN
    while place.exists() and not _is_sealed(place, key):
        late = time.monotonic() > until
        if late:  # it is in use, or the file system has no locks: a reader keeps the files it has mapped
            with contextlib.suppress(FileNotFoundError):
                place.rename(place.with_name(f".{uuid.uuid4().hex}.part"))
        if late or limit.remove(place):
            _log.warning("the rows in %s were changed or not written by this user; rebuilding them", place)
            return
        time.sleep(_POLL)


def _is_sealed(place: Path, key: bytes) -> bool:
    try:
        if not all(private.is_own(path) and not path.is_symlink() for path in (place, *place.iterdir())):
            return False
        expected = private.seal(key, (place / _FACTS).read_bytes())
        return hmac.compare_digest((place / _SEAL).read_bytes(), expected.encode())
    except OSError:
        return False


@attrs.frozen
class _OnDisk:
    """Allocates arrays in files, in column order, so that a column is written contiguously."""

    folder: Path

    def __call__(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        try:
            path = self.folder / f"{uuid.uuid4().hex}.npy"
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


def _name(content: str, options: Mapping[str, object]) -> str:
    parts = {
        "content": content,
        "options": options,
        "formats": [row_store.FORMAT, _FORMAT],
        "polars": pl.__version__,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()[:32]
