"""How many members of a fleet train at once."""

import math
import os

from gmcore.ports import TrainingTask

__all__ = ["members_at_once"]

# The carried state, the update, the gradients and the kept weights: weights are held about eight times over.
_COPIES = 8
_SHARE_OF_MEMORY = 0.25


def members_at_once(task: TrainingTask, members: int) -> int:
    """Return the size of a chunk: what the configuration says, or what fits into a quarter of the memory.

    Estimated from shapes: weights eight times (weights, gradients, two moments, update, kept, two in flight),
    and three numbers a row, layer output and member. Never less than 1.
    """
    if task.config.members_per_chunk is not None:
        return min(task.config.members_per_chunk, members)
    layers = task.model.info.layers
    weights = sum(layer.parameters for layer in layers)
    outputs = sum(math.prod(layer.output_shape) for layer in layers)
    numbers = _COPIES * weights + 3 * task.config.batch_size * outputs
    itemsize = 8 if task.backend.dtype == "float64" else 4
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    fitting = max(1, int(_SHARE_OF_MEMORY * memory / (numbers * itemsize)))
    # Chunks of one size share one compiled program.
    return math.ceil(members / math.ceil(members / fitting))
