"""Batches of equal size from rows in memory."""

from collections.abc import Iterator

import attrs
import numpy as np

from gmcore.domain.config import BatchConfig
from gmcore.domain.data.batch import Batch
from gmcore.domain.data.rows import Rows
from gmcore.domain.seeding import generator
from gmcore.errors import DataError

__all__ = ["RowBatches"]


@attrs.frozen(eq=False)
class RowBatches:
    """The rows at `indices` in batches of exactly `config.batch_size`; every iteration yields the same batches.

    An incomplete last batch is dropped if `config.drop_last`, else padded with rows of weight 0.

    Attributes:
        rows: all rows, with targets.
        indices: indices of the rows to batch, `(n,)`, int64.
        config: batch size, order and seed.
    """

    rows: Rows
    indices: np.ndarray
    config: BatchConfig

    def __len__(self) -> int:
        size = self.config.batch_size
        return len(self.indices) // size if self.config.drop_last else -(-len(self.indices) // size)

    def __iter__(self) -> Iterator[Batch]:
        order = self._order()
        size = self.config.batch_size
        for place in range(len(self)):
            yield self._batch(order[place * size : (place + 1) * size])

    def _order(self) -> np.ndarray:
        if not self.config.shuffle:
            return self.indices
        return generator(self.config.seed, "shuffle").permutation(self.indices)

    def _batch(self, chosen: np.ndarray) -> Batch:
        missing = self.config.batch_size - len(chosen)
        rows = self.rows.view(np.concatenate([chosen, np.repeat(chosen[:1], missing)]))
        if rows.targets is None:
            raise DataError("batches need targets, but these rows have none: name the target column")
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights.copy()
        weights[len(chosen) :] = 0.0
        return Batch(
            inputs=dict(rows.inputs), targets=rows.targets, weights=weights, groups=rows.groups, time=rows.time
        )
