"""How many members of a fleet train at once, estimated from the memory that they need."""

import math

import attrs
import numpy as np

from gmcore.domain import ModelInfo
from gmcore.domain.sizes import size_text
from gmcore.domain.tree import tree_leaves
from gmcore.errors import ConfigError
from gmcore.ports import TrainingTask
from gmcore.training.fleet.members import evaluation_batch
from gmcore.training.fleet.row_source import bytes_on_device
from gmcore.training.fleet.segments import bytes_in_transit
from gmcore.training.memory import device_memory

__all__ = ["ChunkPlan", "members_at_once", "memory_advice", "plan_chunks"]

# Before and after a step, or next to a checkpoint's copy: current and kept weights; gradients; float64 on the host.
_COPIES_OF_WEIGHTS = 7
_COPIES_OF_STATE = 2
# Before and after a step, and float64 on the host.
_COPIES_OF_BUFFERS = 6
# In a narrower precision: the weights, and their gradients.
_NARROW_COPIES = 2
# A layer's output, what the backward pass keeps of it, and its gradient.
_COPIES_OF_OUTPUTS = 3
# For each row of a member: its index among the member's rows and its folds', int64.
_BYTES_OF_INDICES = 3 * 8
# In the plans of the present epoch and of those that are prefetched: int32 on host and device; and its weight, float64
# on the host.
_BYTES_OF_PLANS = 4 * 4 + 2 * 4 + 8
# Plans and predictions have at most a quarter more steps than they need: see `capacity`.
_PADDED = 5 / 4
# Predictions of the scored rows: float64, in parts and as a whole. A member scores one fold's share of the rows.
_BYTES_OF_PREDICTION = 2 * 8
_FOLDS = 5
_SHARE_OF_MEMORY = 0.25
_LARGEST_SHARE_OF_MEMORY = 0.9


@attrs.frozen(kw_only=True)
class ChunkPlan:
    """How a fleet is cut into chunks, and its estimated memory in bytes.

    Attributes:
        members: number of members per chunk.
        rows: bytes of the rows on the device; 0 if they stay on the host.
        in_transit: bytes of the rows on their way to the device, if they stay on the host; else 0.
        shared: bytes of the variables that all members share.
        member: bytes of one member.
        total: bytes of the device's memory.
    """

    members: int
    rows: int
    in_transit: int
    shared: int
    member: int
    total: int

    @property
    def estimated(self) -> int:
        """Bytes of a chunk, the rows and the shared variables."""
        return self.rows + self.in_transit + self.shared + self.members * self.member


def plan_chunks(task: TrainingTask, members: int) -> ChunkPlan:
    """Return how a fleet of `members` is cut: as configured, or as many members as fit a quarter of the memory.

    The estimate counts, for each member: current and kept weights, gradients, the optimizer's state, buffers, the
    outputs of all layers for a batch of training or evaluation, whichever is larger, the plans of the epochs, and
    predictions; and once, the rows on the device or in transit.

    Raises:
        ConfigError: if one member alone needs more than nine tenths of the memory.
    """
    rows, total = bytes_on_device(task), device_memory(task.backend).total
    member = _bytes_of_variables(task) + _bytes_of_batch(task) + _bytes_of_rows(task, members)
    shared = sum(layer.shared for layer in task.model.info.layers) * _itemsize(task.backend.dtype)
    if rows + shared + member > _LARGEST_SHARE_OF_MEMORY * total:
        raise ConfigError([_too_large(task, rows, shared + member, total)])
    configured = task.config.members_per_chunk
    most = configured or max(1, int(_SHARE_OF_MEMORY * total / member))
    # Chunks of equal size share one compiled program.
    size = min(configured, members) if configured else math.ceil(members / math.ceil(members / most))
    in_transit = 0 if rows else bytes_in_transit(task, size)
    return ChunkPlan(members=size, rows=rows, in_transit=in_transit, shared=shared, member=member, total=total)


def members_at_once(task: TrainingTask, members: int) -> int:
    """Return the number of members per chunk; raises as `plan_chunks` does."""
    return plan_chunks(task, members).members


def memory_advice(task: TrainingTask, rows: int) -> str:
    """Return how one model takes less memory, as the end of a message; `rows` are the bytes of rows on the device."""
    return (
        "set a smaller training.batch_size or a smaller model, or accumulation as training.gradients"
        f"{', or training.row_memory, to keep the rows on the host' if rows else ''}"
        f"{', or float32 as dtype' if task.backend.dtype == 'float64' else ''}"
    )


def _bytes_of_variables(task: TrainingTask) -> int:
    """Return the bytes of a member's weights, optimizer state and buffers; weights are wide in every precision."""
    info, wide, narrow = task.model.info, _itemsize(task.backend.dtype), _itemsize(task.backend.compute)
    state = _state_per_parameter(task) + (task.config.average is not None)
    copies = _COPIES_OF_WEIGHTS + _COPIES_OF_STATE * state
    per_parameter = copies * wide + (_NARROW_COPIES * narrow if narrow < wide else 0)
    buffers = sum(layer.buffers for layer in info.layers)
    return info.parameter_count * per_parameter + _COPIES_OF_BUFFERS * buffers * wide


def _bytes_of_batch(task: TrainingTask) -> int:
    """Return the bytes of the layers' outputs for one batch of a member.

    Of the layers before the first with parameters only the widest output counts, since none is kept for gradients.
    """
    info, wide = task.model.info, _itemsize(task.backend.dtype)
    # A CPU computes in the wide dtype even if a narrow one is configured.
    narrow = wide if task.backend.device == "cpu" else _itemsize(task.backend.compute)
    before, trained = _output_sizes(info)
    entering = wide * (sum(math.prod(shape) for shape in info.input_shapes.values()) + max(before, default=0))
    at_once = task.gradients.rows_at_once(task.config.batch_size)
    training = task.config.batch_size * entering + at_once * _COPIES_OF_OUTPUTS * narrow * sum(trained)
    evaluation = evaluation_batch(task) * (entering + narrow * sum(trained))
    return max(training, evaluation)


def _bytes_of_rows(task: TrainingTask, members: int) -> int:
    """Return the bytes that a member needs per row, in the plans of epochs and in predictions, times the rows."""
    wide = _itemsize(task.backend.dtype)
    # Row weights are planned for each epoch, unless all are 1.
    of_weights = wide if task.rows.weights is None else 4 * 8 + 2 * wide
    of_plans = int(_PADDED * (_BYTES_OF_PLANS + of_weights))
    of_predictions = int((_BYTES_OF_PREDICTION + _PADDED * wide) * math.prod(task.model.info.output_shape))
    return len(task.rows) * (_BYTES_OF_INDICES + of_plans + of_predictions // min(members, _FOLDS))


def _output_sizes(info: ModelInfo) -> tuple[list[int], list[int]]:
    """Return the sizes of the outputs of layers before the first one with parameters, and of the others."""
    sizes = [math.prod(layer.output_shape) for layer in info.layers]
    first = next((place for place, layer in enumerate(info.layers) if layer.parameters), len(sizes))
    return sizes[:first], sizes[first:]


def _itemsize(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def _state_per_parameter(task: TrainingTask) -> int:
    """Return how many numbers the optimizer keeps for each parameter, at most."""
    backend = task.backend
    state = task.optimizer.init(backend.asarray({"weight": np.zeros((1, 1))}), xp=backend.xp)
    return sum(math.prod(leaf.shape) for leaf in tree_leaves(state))


def _too_large(task: TrainingTask, rows: int, member: int, total: int) -> str:
    with_rows = f", besides {size_text(rows)} for the rows" if rows else ""
    return (
        f"training: one model is estimated to take {size_text(member)}{with_rows}, but {task.backend.device} has "
        f"{size_text(total)}: {memory_advice(task, rows)}"
    )
