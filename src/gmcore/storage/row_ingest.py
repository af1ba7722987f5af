"""Rows by index from any source of data: those it offers, or its stream, written to files mapped into memory."""

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from gmcore.domain import Batch, BatchConfig, Rows, Schema, Split
from gmcore.errors import DataError, OutputError
from gmcore.ports import DataProvider, SupportsRows
from gmcore.storage.row_store import open_rows, write_rows
from gmcore.storage.temporary import cache_folder, temporary_folder

__all__ = ["rows_of"]

_CONFIG = BatchConfig(batch_size=4096, shuffle=False)


def rows_of(data: DataProvider) -> tuple[Rows, Split]:
    """Return a source's rows and their roles.

    A source that only streams is read once, some rows at a time: its training rows first, its validation rows after
    them. They lie in the cache folder, in files without a name that are gone with the process.

    Raises:
        DataError: if there are no training rows, or batches lack what the schema has.
        OutputError: if the cache folder does not take the rows of a stream.
    """
    if isinstance(data, SupportsRows):
        return data.rows(), data.split()
    stream = _Stream(data)
    try:
        with temporary_folder(cache_folder() / "streams") as folder:
            write_rows(folder / "rows", stream.blocks(), {})
            stored = open_rows(folder / "rows")
    except OutputError as error:
        raise OutputError(f"{error}; say where there is room with the environment variable XDG_CACHE_HOME") from error
    except DataError:
        raise
    except (ValueError, IndexError) as error:
        raise DataError(f"{stream.name} streams batches that do not go together: {error}") from error
    assert stored is not None  # noqa: S101 - it was written
    rows, places = stored.rows, np.arange(sum(stream.counts), dtype=np.int64)
    if rows.weights is not None and (rows.weights == 1).all():
        rows = attrs.evolve(rows, weights=None)
    train, _ = stream.counts
    return rows, Split(train=places[:train], validation=places[train:])


@attrs.define
class _Stream:
    """A stream's rows, without those that fill up batches.

    Attributes:
        data: where from.
        counts: how many rows to train and to validate on there were.
    """

    data: DataProvider
    counts: list[int] = attrs.field(factory=list)

    @property
    def name(self) -> str:
        """What messages call it."""
        return type(self.data).__name__

    def blocks(self) -> Iterator[Rows]:
        """Yield the rows in order."""
        schema = self.data.schema
        for batches in (self.data.training_batches(_CONFIG), self.data.validation_batches(_CONFIG)):
            count = 0
            for batch in batches:
                rows = self._rows(schema, batch)
                count += len(rows)
                yield rows
            if not count and not self.counts:
                raise DataError(f"{self.name} streams no rows to train on")
            self.counts.append(count)

    def _rows(self, schema: Schema, batch: Batch) -> Rows:
        roles = {"group": (schema.group, batch.groups), "time": (schema.time, batch.time)}
        for role, (column, values) in roles.items():
            if column is not None and values is None:
                raise DataError(f"{self.name} streams batches without {role}, and its schema has one: '{column}'")
        kept = np.asarray(batch.weights) > 0

        def pick(column: Any) -> np.ndarray | None:
            return None if column is None else np.asarray(column)[kept]

        return Rows(
            schema=schema,
            inputs={name: np.asarray(column)[kept] for name, column in batch.inputs.items()},
            targets=pick(batch.targets),
            weights=pick(batch.weights),
            groups=pick(batch.groups),
            time=pick(batch.time),
        )
