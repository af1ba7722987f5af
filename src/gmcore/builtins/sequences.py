"""Sequence provider: training rows cut into an ordered list of data sets."""

from collections.abc import Sequence

import attrs
import numpy as np

from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Rows, SequenceConfig, SplitConfig, generator
from gmcore.domain.data.splits import held_out
from gmcore.errors import DataError, did_you_mean
from gmcore.ports import DataProvider, SequenceProvider
from gmcore.storage.row_ingest import rows_of

__all__ = ["RowSequences"]


@attrs.frozen(kw_only=True)
class RowSequences(SequenceProvider):
    """Sequences of training rows, without validation or test rows.

    Rows are ordered by time if they have one, else as in the source.

    - `"consecutive"`: sequences of `max_length` rows in order, one after the other; the last may be shorter.
    - `"random"`: sequences of `max_length` consecutive rows with random starts, which may overlap.
    - `"curriculum"`: growing sets of the easiest rows by the column `difficulty`, in `count` equal steps
      up to `max_length` or all rows.
    """

    def sequences(self, data: DataProvider, config: SequenceConfig) -> Sequence[DataProvider]:
        rows, split = rows_of(data)
        train = split.train
        if not train.size:
            raise DataError("there are no training rows to cut into sequences")
        cut = {"consecutive": _consecutive, "random": _random, "curriculum": _curriculum}[config.strategy]
        return [_data_set(rows, indices) for indices in cut(rows, train, config)]

    def train_validation_split(self, data: DataProvider, config: SplitConfig) -> tuple[DataProvider, DataProvider]:
        rows, split = rows_of(data)
        visible = np.concatenate([split.train, split.validation])
        kept, held = held_out(rows, visible, config, generator(config.seed, "validation split"))
        return _data_set(rows, kept), _data_set(rows, held)


def _data_set(rows: Rows, indices: np.ndarray) -> ArrayData:
    return ArrayData(rows.view(indices), validation=None)


def _in_order(rows: Rows, train: np.ndarray) -> np.ndarray:
    train = np.sort(train)
    return train if rows.time is None else train[np.argsort(rows.time[train], kind="stable")]


def _consecutive(rows: Rows, train: np.ndarray, config: SequenceConfig) -> list[np.ndarray]:
    order = _in_order(rows, train)
    starts = range(0, len(order), config.max_length)[: config.count]
    return [order[start : start + config.max_length] for start in starts]


def _random(rows: Rows, train: np.ndarray, config: SequenceConfig) -> list[np.ndarray]:
    order = _in_order(rows, train)
    length = min(config.max_length, len(order))
    count = config.count or -(-len(order) // length)
    starts = generator(config.seed, "sequences").integers(len(order) - length + 1, size=count)
    return [order[start : start + length] for start in starts]


def _curriculum(rows: Rows, train: np.ndarray, config: SequenceConfig) -> list[np.ndarray]:
    if config.count is None:
        raise DataError("a curriculum needs 'count', the number of steps in which it grows")
    difficulty = _difficulty(rows, config.difficulty)[train]
    missing = np.flatnonzero(np.isnan(difficulty))
    if missing.size:
        have = "has" if missing.size == 1 else "have"
        raise DataError(
            f"{missing.size} of {len(train)} rows {have} no value in column '{config.difficulty}': each row needs a "
            "difficulty"
        )
    easiest = train[np.argsort(difficulty, kind="stable")]
    longest = min(config.max_length, len(train))
    lengths = dict.fromkeys(-(-longest * step // config.count) for step in range(1, config.count + 1))
    return [easiest[:length] for length in lengths]


def _difficulty(rows: Rows, column: str | None) -> np.ndarray:
    names = [feature.name for feature in rows.schema.numeric]
    if column is None:
        raise DataError("a curriculum needs 'difficulty', the numeric column with the difficulty of each row")
    if column not in names:
        raise DataError(f"no numeric column '{column}' to order rows by{did_you_mean(column, names)}")
    values: np.ndarray = rows.inputs["numeric"][:, names.index(column)]
    return values
