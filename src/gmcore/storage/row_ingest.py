"""Ingest of rows from any data provider; streamed rows are written to memory-mapped files."""

from collections.abc import Iterator

import attrs
import numpy as np

from gmcore.domain import Array, Batch, BatchConfig, Rows, Schema, Split, WindowedSeries
from gmcore.errors import DataError, OutputError
from gmcore.ports import DataProvider, SupportsRows
from gmcore.storage.row_store import open_rows, write_rows
from gmcore.storage.temporary import cache_folder, temporary_folder

__all__ = ["rows_of"]

_CONFIG = BatchConfig(batch_size=4096, shuffle=False)


def rows_of(data: DataProvider) -> tuple[Rows, Split]:
    """Return the rows of a data provider and their roles.

    A provider that only streams batches is read once: its training rows first, then its validation rows. They are
    written to unlinked files in the cache folder, which disappear with the process.

    Raises:
        DataError: if there are no training rows, or batches lack a column of the schema.
        OutputError: if streamed rows can't be written to the cache folder.
    """
    if isinstance(data, SupportsRows):
        return data.rows(), data.split()
    stream = _Stream(data)
    try:
        with temporary_folder(cache_folder() / "streams") as folder:
            write_rows(folder / "rows", stream.blocks(), {})
            stored = open_rows(folder / "rows")
    except OutputError as error:
        raise OutputError(
            f"{error}; set the environment variable XDG_CACHE_HOME to a folder with enough space"
        ) from error
    except DataError:
        raise
    except (ValueError, IndexError) as error:
        raise DataError(f"{stream.name} yields batches that do not match: {error}") from error
    assert stored is not None  # noqa: S101 - it was written
    rows, places = stored.rows, np.arange(sum(stream.counts), dtype=np.int64)
    if rows.weights is not None and (rows.weights == 1).all():
        rows = attrs.evolve(rows, weights=None)
    train, _ = stream.counts
    return rows, Split(train=places[:train], validation=places[train:])


@attrs.define
class _Stream:
    """The rows of a streaming provider, without padding.

    Attributes:
        data: the provider.
        counts: number of training rows and of validation rows, known once `blocks` has been consumed.
    """

    data: DataProvider
    counts: list[int] = attrs.field(factory=list)

    @property
    def name(self) -> str:
        """The provider's class name, for messages."""
        return type(self.data).__name__

    def blocks(self) -> Iterator[Rows]:
        """Yield the rows in order, one block per batch."""
        schema = self.data.schema
        for batches in (self.data.training_batches(_CONFIG), self.data.validation_batches(_CONFIG)):
            count = 0
            for batch in batches:
                rows = self._rows(schema, batch)
                count += len(rows)
                yield rows
            if not count and not self.counts:
                raise DataError(f"{self.name} yields no training rows")
            self.counts.append(count)

    def _rows(self, schema: Schema, batch: Batch) -> Rows:
        roles = {"group": (schema.group, batch.groups), "time": (schema.time, batch.time)}
        for role, (column, values) in roles.items():
            if column is not None and values is None:
                raise DataError(f"{self.name} yields batches without {role}, but its schema has one: '{column}'")
        kept = np.asarray(batch.weights) > 0

        def pick(column: Array | None) -> np.ndarray | None:
            return None if column is None else np.asarray(column)[kept]

        return Rows(
            schema=schema,
            inputs={name: _picked(column, kept) for name, column in batch.inputs.items()},
            targets=pick(batch.targets),
            weights=pick(batch.weights),
            groups=pick(batch.groups),
            time=pick(batch.time),
        )


def _picked(column: Array, kept: np.ndarray) -> Array:
    """Return some rows of an input; windows of a series stay windows."""
    return column.take(kept) if isinstance(column, WindowedSeries) else np.asarray(column)[kept]
