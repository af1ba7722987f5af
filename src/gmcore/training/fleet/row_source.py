"""Where a step's rows come from: the device, if they fit there, else the host, step by step."""

from typing import TypeVar, cast

import attrs
import numpy as np

from gmcore.domain import Rows, Tree
from gmcore.domain.tree import tree_map
from gmcore.ports import TrainingTask
from gmcore.training.capacity import capacity, padded
from gmcore.training.fleet.trees import Common, EvaluationBatches, ResidentRows, TrainingBatches
from gmcore.training.memory import device_memory

__all__ = ["RowSource", "bytes_on_device", "common_arrays"]

Batches = TypeVar("Batches", TrainingBatches, EvaluationBatches)

_SHARE_OF_MEMORY = 0.25
# Rows on the device are padded to a multiple of so many, if they are few.
_LEAST_ROWS = 1024


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
        columns: ResidentRows = {"inputs": dict(task.rows.inputs), "targets": task.rows.targets}
        columns = tree_map(lambda column: padded(column, count), columns)
        return cls(rows=task.rows, resident=task.backend.asarray(columns))

    @property
    def bytes_per_row(self) -> int:
        """Bytes of one row in a batch."""
        return max(1, _size(self.rows, "float64") // max(1, len(self.rows)))

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
    return _rows_on_device(task) * _bytes_per_row(task)


def _rows_on_device(task: TrainingTask) -> int:
    """Return the number of rows on the device, with padding if that fits as well; 0 if they stay on the host."""
    allowed = task.config.row_memory or int(_SHARE_OF_MEMORY * device_memory(task.backend).total)
    count, size = len(task.rows), _bytes_per_row(task)
    if count * size > allowed:
        return 0
    enough = capacity(count, size=size, least=_LEAST_ROWS)
    return enough if enough * size <= allowed else count


def _bytes_per_row(task: TrainingTask) -> int:
    return _size(task.rows, task.backend.dtype) // max(1, len(task.rows))


def _size(rows: Rows, dtype: str) -> int:
    """Return the bytes of all rows, floats in `dtype`; integers take 4 bytes."""
    float_size = np.dtype(dtype).itemsize
    columns = [*rows.inputs.values(), *([] if rows.targets is None else [rows.targets])]
    return sum(column.size * (float_size if column.dtype.kind == "f" else 4) for column in columns)
