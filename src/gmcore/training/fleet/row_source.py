"""Where a step's rows come from: the device, if they fit there, else the host, step by step."""

import math
from typing import TypeVar, cast

import attrs
import numpy as np

from gmcore.domain import Array, Rows, Shape, Tree, WindowedSeries
from gmcore.ports import TrainingTask
from gmcore.training.capacity import capacity, padded
from gmcore.training.fleet.trees import Common, EvaluationBatches, ResidentRows, ResidentWindows, TrainingBatches
from gmcore.training.memory import device_memory

__all__ = ["RowSource", "bytes_on_device", "common_arrays"]

Batches = TypeVar("Batches", TrainingBatches, EvaluationBatches)

_SHARE_OF_MEMORY = 0.25
# Rows on the device are padded to a multiple of so many, if they are few.
_LEAST_ROWS = 1024
_SIZE_OF_INTEGER = 4


@attrs.frozen(kw_only=True, eq=False)
class RowSource:
    """All rows of a task, on the device or on the host; results are the same either way.

    Attributes:
        rows: on the host, in memory or in memory-mapped files.
        resident: the rows on the device, and padding; empty if they stay on the host.
    """

    rows: Rows
    resident: ResidentRows

    @classmethod
    def of(cls, task: TrainingTask) -> "RowSource":
        """Return a task's rows, sent to the device if they may use that much of its memory."""
        if not (count := _rows_on_device(task)):
            return cls(rows=task.rows, resident={})
        rows = task.rows
        inputs = {name: _resident(column, count) for name, column in rows.inputs.items()}
        columns: ResidentRows = {"inputs": inputs, "targets": padded(rows.targets, count)}
        return cls(rows=rows, resident=task.backend.asarray(columns))

    @property
    def bytes_per_row(self) -> int:
        """Bytes of one row in a batch."""
        return max(1, sum(_size(column, "float64", column.shape[1:]) for column in _columns(self.rows)))

    def gather(self, batches: Batches) -> Batches:
        """Return batches with their rows in place of `indices`; unchanged if the rows are on the device."""
        if self.resident:
            return batches
        gathered = batches.copy()
        indices, targets = gathered.pop("indices"), cast("np.ndarray", self.rows.targets)
        gathered["inputs"] = {name: column[indices] for name, column in self.rows.inputs.items()}
        gathered["targets"] = targets[indices]
        return gathered


def common_arrays(rows: RowSource, shared: Tree) -> Common:
    """Return what programs are given for all members and steps, on the device."""
    common: Common = {**rows.resident}  # type: ignore[typeddict-item]  # the resident rows have no key `shared`
    if shared:
        common["shared"] = shared
    return common


def bytes_on_device(task: TrainingTask) -> int:
    """Return the bytes of a task's rows on the device; 0 if they are too many and stay on the host."""
    count = _rows_on_device(task)
    return _bytes_of(task, count) if count else 0


def _rows_on_device(task: TrainingTask) -> int:
    """Return the number of rows on the device, with padding if that fits as well; 0 if they stay on the host."""
    allowed = task.config.row_memory or int(_SHARE_OF_MEMORY * device_memory(task.backend).total)
    count = len(task.rows)
    if _bytes_of(task, count) > allowed:
        return 0
    enough = capacity(count, size=_bytes_of(task, 1) - _bytes_of(task, 0), least=_LEAST_ROWS)
    return enough if _bytes_of(task, enough) <= allowed else count


def _bytes_of(task: TrainingTask, count: int) -> int:
    """Return the bytes of `count` rows on the device; a series is there once, however many rows there are."""
    dtype, total = task.backend.dtype, 0
    for column in _columns(task.rows):
        if isinstance(column, WindowedSeries):
            total += _size(column, dtype, column.series.shape) + count * _SIZE_OF_INTEGER
        else:
            total += count * _size(column, dtype, column.shape[1:])
    return total


def _columns(rows: Rows) -> list[Array]:
    """Return all that a batch has of its rows."""
    return [*rows.inputs.values(), *([] if rows.targets is None else [rows.targets])]


def _size(column: Array, dtype: str, shape: Shape) -> int:
    """Return the bytes of entries of a column on the device, floats in `dtype`."""
    return math.prod(shape) * (np.dtype(dtype).itemsize if column.dtype.kind == "f" else _SIZE_OF_INTEGER)


def _resident(column: Array, count: int) -> Array | ResidentWindows:
    """Return an input as it is sent to the device: padded to `count` rows; of windows the series and their places."""
    if not isinstance(column, WindowedSeries):
        return padded(column, count)
    starts = padded(column.starts.astype(np.int32), count)
    return {"series": column.series, "starts": starts}
