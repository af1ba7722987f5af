"""How many members of a fleet train at once, and how much memory that takes."""

import math

import attrs
import numpy as np

from gmcore.domain import ModelInfo
from gmcore.domain.tree import tree_leaves
from gmcore.errors import ConfigError
from gmcore.ports import TrainingTask
from gmcore.training.fleet.members import evaluation_batch
from gmcore.training.fleet.memory import device_memory
from gmcore.training.fleet.row_source import bytes_on_device
from gmcore.training.fleet.segments import bytes_under_way

__all__ = ["ChunkPlan", "members_at_once", "plan_chunks"]

# Before and after a step, or beside a checkpoint's copy: the weights and the kept ones; their gradients; and what is on
# the host in float64.
_COPIES_OF_WEIGHTS = 7
_COPIES_OF_STATE = 2
# Before and after a step, and what is on the host in float64.
_COPIES_OF_BUFFERS = 6
# In a narrower precision: the weights in it, and their gradients.
_NARROW_COPIES = 2
# A layer's output, what the way back needs of it, and its gradient.
_COPIES_OF_OUTPUTS = 3
# Of each row a member has: its places among the member's rows and its folds', int64; the plans of the epoch under way
# and of those that are made ahead, int32 on the host and the device; and how much it counts, float64 on the host.
_BYTES_OF_PLACES = 3 * 8 + 4 * 4 + 2 * 4 + 8
# Predictions of the rows that are scored: float64 in parts and as a whole. A fold's share of them has each member.
_BYTES_OF_PREDICTION = 2 * 8
_FOLDS = 5
_SHARE_OF_MEMORY = 0.25
_MOST_OF_MEMORY = 0.9


@attrs.frozen(kw_only=True)
class ChunkPlan:
    """How a fleet is cut, and what is estimated from shapes for it, in bytes.

    Attributes:
        members: how many train at once.
        rows: what the rows take on the device; 0 where they stay on the host.
        under_way: then, what those take that are on their way from there to the device; else 0.
        member: what one member takes.
        total: how much memory there is.
    """

    members: int
    rows: int
    under_way: int
    member: int
    total: int

    @property
    def estimated(self) -> int:
        """What a chunk takes, with the rows."""
        return self.rows + self.under_way + self.members * self.member


def plan_chunks(task: TrainingTask, members: int) -> ChunkPlan:
    """Return how `members` are cut: as the configuration says, or as many as fit into a quarter of the memory.

    Estimated are, of each member, the weights and the kept ones with their gradients, the optimizer's state, the
    buffers, what the layers make of a batch in training or in evaluation, where that is more, the plans of which rows
    each step sees, and predictions; and once the rows, where they are on the device, or those on their way there.

    Raises:
        ConfigError: if one member alone takes more than nine tenths of the memory.
    """
    rows, total = bytes_on_device(task), device_memory(task.backend).total
    member = _bytes_of_variables(task) + _bytes_of_batch(task) + _bytes_of_rows(task, members)
    if rows + member > _MOST_OF_MEMORY * total:
        raise ConfigError([_too_large(task, rows, member, total)])
    asked = task.config.members_per_chunk
    fitting = asked or max(1, int(_SHARE_OF_MEMORY * total / member))
    # Chunks of one size share one compiled program.
    size = min(asked, members) if asked else math.ceil(members / math.ceil(members / fitting))
    under_way = 0 if rows else bytes_under_way(task, size)
    return ChunkPlan(members=size, rows=rows, under_way=under_way, member=member, total=total)


def members_at_once(task: TrainingTask, members: int) -> int:
    """Return the size of a chunk; errors as for `plan_chunks`."""
    return plan_chunks(task, members).members


def _bytes_of_variables(task: TrainingTask) -> int:
    """Return what a member's weights, state and buffers take; weights are wide in every precision."""
    info, wide, narrow = task.model.info, _itemsize(task.backend.dtype), _itemsize(task.backend.compute)
    copies = _COPIES_OF_WEIGHTS + _COPIES_OF_STATE * _state_of_weight(task)
    of_weight = copies * wide + (_NARROW_COPIES * narrow if narrow < wide else 0)
    buffers = sum(layer.buffers for layer in info.layers)
    return info.parameter_count * of_weight + _COPIES_OF_BUFFERS * buffers * wide


def _bytes_of_batch(task: TrainingTask) -> int:
    """Return what layers make of a batch: of what comes before the weights only the widest, since nothing goes back."""
    info, wide = task.model.info, _itemsize(task.backend.dtype)
    # A CPU computes in the wide dtype what it is told to compute in a narrow one.
    narrow = wide if task.backend.device == "cpu" else _itemsize(task.backend.compute)
    before, learnt = _outputs(info)
    entering = wide * (sum(math.prod(shape) for shape in info.input_shapes.values()) + max(before, default=0))
    training = task.config.batch_size * (entering + _COPIES_OF_OUTPUTS * narrow * sum(learnt))
    evaluation = evaluation_batch(task) * (entering + narrow * sum(learnt))
    return max(training, evaluation)


def _bytes_of_rows(task: TrainingTask, members: int) -> int:
    """Return what a member takes of each row: in the plans of epochs, and among the predictions."""
    wide = _itemsize(task.backend.dtype)
    # Weights of rows are planned for each epoch anew; where all are 1, once.
    of_weights = wide if task.rows.weights is None else 4 * 8 + 2 * wide
    of_predictions = (_BYTES_OF_PREDICTION + wide) * math.prod(task.model.info.output_shape)
    return len(task.rows) * (_BYTES_OF_PLACES + of_weights + of_predictions // min(members, _FOLDS))


def _outputs(info: ModelInfo) -> tuple[list[int], list[int]]:
    """Return the widths of what layers put out before the first that learns weights, and from there on."""
    sizes = [math.prod(layer.output_shape) for layer in info.layers]
    first = next((place for place, layer in enumerate(info.layers) if layer.parameters), len(sizes))
    return sizes[:first], sizes[first:]


def _itemsize(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


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
