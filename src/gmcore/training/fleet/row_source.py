"""Where a step's rows come from: from the device, where they fit, else from the host as it goes."""

from collections.abc import Mapping
from typing import cast

import attrs
import numpy as np

from gmcore.domain import Rows, Tree
from gmcore.ports import TrainingTask
from gmcore.training.fleet.memory import device_memory

__all__ = ["RowSource", "bytes_on_device"]

_SHARE_OF_MEMORY = 0.25


@attrs.frozen(kw_only=True, eq=False)
class RowSource:
    """Rows on one side of the border or the other; what is trained is the same.

    Attributes:
        rows: on the host, in memory or in files.
        resident: `inputs` and `targets` on the device; empty if they stay on the host.
    """

    rows: Rows
    resident: Mapping[str, Tree]

    @classmethod
    def of(cls, task: TrainingTask) -> "RowSource":
        """Bring a task's rows to the device if they may take the memory."""
        columns = {"inputs": dict(task.rows.inputs), "targets": task.rows.targets}
        return cls(rows=task.rows, resident=task.backend.asarray(columns) if bytes_on_device(task) else {})

    @property
    def bytes_a_row(self) -> int:
        """How many bytes a row takes in a batch."""
        return max(1, _size(self.rows, "float64") // max(1, len(self.rows)))

    def gather(self, plan: Tree) -> Tree:
        """Return some steps of a plan with what they need: the rows at its `indices`, if they are not resident."""
        if self.resident:
            return plan
        rest = {name: leaf for name, leaf in plan.items() if name != "indices"}
        indices, targets = plan["indices"], cast("np.ndarray", self.rows.targets)
        return {
            **rest,
            "inputs": {name: column[indices] for name, column in self.rows.inputs.items()},
            "targets": targets[indices],
        }


def bytes_on_device(task: TrainingTask) -> int:
    """Return how many bytes a task's rows take on the device; 0 where they may not take as many."""
    allowed = task.config.row_memory or int(_SHARE_OF_MEMORY * device_memory(task.backend).total)
    size = _size(task.rows, task.backend.dtype)
    return size if size <= allowed else 0


def _size(rows: Rows, dtype: str) -> int:
    """Return how many bytes rows take on a device."""
    of_float = np.dtype(dtype).itemsize
    columns = [*rows.inputs.values(), *([] if rows.targets is None else [rows.targets])]
    return sum(column.size * (of_float if column.dtype.kind == "f" else 4) for column in columns)
