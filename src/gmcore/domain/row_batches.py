"""Rows in memory, as batches of one size."""

from collections.abc import Iterator

import attrs
import numpy as np

from gmcore.domain.batch import Batch
from gmcore.domain.config import BatchConfig
from gmcore.domain.rows import Rows
from gmcore.domain.seeding import generator
from gmcore.errors import DataError

__all__ = ["RowBatches"]


@attrs.frozen(eq=False)
class RowBatches:
    """The rows at `indices` as batches of exactly `config.batch_size`; iterate again for the same ones again.

    An incomplete last batch is left out, or filled with a row that weighs 0, as `config.drop_last` says.

    Attributes:
        rows: all rows, targets among them.
        indices: which of them, `(n,)`, int64.
        config: size, order and seed.
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
        rows = self.rows.take(np.concatenate([chosen, np.repeat(chosen[:1], missing)]))
        if rows.targets is None:
            raise DataError("batches need targets, and these rows have none: give the target column")
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights.copy()
        weights[len(chosen) :] = 0.0
        return Batch(inputs=rows.inputs, targets=rows.targets, weights=weights, groups=rows.groups, time=rows.time)
