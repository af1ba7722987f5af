"""How many members of a fleet train at once, and how much memory that takes."""

import math

import attrs
import numpy as np

from gmcore.domain.tree import tree_leaves
from gmcore.errors import ConfigError
from gmcore.ports import TrainingTask
from gmcore.training.members import evaluation_batch
from gmcore.training.memory import device_memory
from gmcore.training.row_source import bytes_on_device

__all__ = ["ChunkPlan", "members_at_once", "plan_chunks"]

# Before and after a step: the weights and the kept ones; their gradients; and what is on the host in float64.
_COPIES_OF_WEIGHTS = 7
_COPIES_OF_STATE = 2
# A layer's output, what the way back needs of it, and its gradient.
_COPIES_OF_OUTPUTS = 3
_SHARE_OF_MEMORY = 0.25
_MOST_OF_MEMORY = 0.9


@attrs.frozen(kw_only=True)
class ChunkPlan:
    """How a fleet is cut, and what is estimated from shapes for it, in bytes.

    Attributes:
        members: how many train at once.
        rows: what the rows take on the device; 0 where they stay on the host.
        member: what one member takes.
        total: how much memory there is.
    """

    members: int
    rows: int
    member: int
    total: int

    @property
    def estimated(self) -> int:
        """What a chunk takes, with the rows."""
        return self.rows + self.members * self.member


def plan_chunks(task: TrainingTask, members: int) -> ChunkPlan:
    """Return how `members` are cut: as the configuration says, or as many as fit into a quarter of the memory.

    Estimated are, of each member, the weights and the kept ones with their gradients, the optimizer's state, and
    what the layers make of a batch in training and in evaluation; and once the rows, where they are on the device.

    Raises:
        ConfigError: if one member alone takes more than nine tenths of the memory.
    """
    rows, member, total = bytes_on_device(task), _bytes_of_member(task), device_memory(task.backend).total
    if rows + member > _MOST_OF_MEMORY * total:
        raise ConfigError([_too_large(task, rows, member, total)])
    asked = task.config.members_per_chunk
    fitting = asked or max(1, int(_SHARE_OF_MEMORY * total / member))
    # Chunks of one size share one compiled program.
    size = min(asked, members) if asked else math.ceil(members / math.ceil(members / fitting))
    return ChunkPlan(members=size, rows=rows, member=member, total=total)


def members_at_once(task: TrainingTask, members: int) -> int:
    """Return the size of a chunk; errors as for `plan_chunks`."""
    return plan_chunks(task, members).members


def _bytes_of_member(task: TrainingTask) -> int:
    info = task.model.info
    inputs = sum(math.prod(shape) for shape in info.input_shapes.values())
    outputs = sum(math.prod(layer.output_shape) for layer in info.layers)
    weights = info.parameter_count * (_COPIES_OF_WEIGHTS + _COPIES_OF_STATE * _state_of_weight(task))
    training = task.config.batch_size * (inputs + _COPIES_OF_OUTPUTS * outputs)
    evaluation = evaluation_batch(task) * (inputs + outputs)
    return max(1, int((weights + training + evaluation) * np.dtype(task.backend.dtype).itemsize))


def _state_of_weight(task: TrainingTask) -> int:
    """Return how many numbers the optimizer keeps for each weight."""
    backend = task.backend
    state = task.optimizer.init(backend.asarray({"weight": np.zeros((1, 1))}), xp=backend.xp)
    return len(list(tree_leaves(state)))


def _too_large(task: TrainingTask, rows: int, member: int, total: int) -> str:
    at_hand = f"{_gigabytes(total)} on {task.backend.device}"
    with_rows = f" and the rows {_gigabytes(rows)}" if rows else ""
    smaller = "set a smaller training.batch_size or a smaller model"
    return (
        f"training: one model is estimated to take {_gigabytes(member)}{with_rows}, and there are {at_hand}: {smaller}"
        f"{', or training.row_memory, so that the rows stay on the host' if rows else ''}"
        f"{', or float32 for dtype' if task.backend.dtype == 'float64' else ''}"
    )


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GB"
