"""An average of the members' weights: its weights are planned on the host, and it is updated after each step."""

import numpy as np

from gmcore.domain import Array, AverageConfig
from gmcore.domain.tree import tree_map
from gmcore.nn.optimizers.members import per_member
from gmcore.ports import Namespace
from gmcore.training.fleet.trees import Carry, TrainedWeights

__all__ = ["averaged", "newest_of", "newest_weights", "trained_weights"]

_DECAY = 0.999


def newest_weights(config: AverageConfig, epoch: int, steps: np.ndarray, longest: int) -> np.ndarray:
    """Return the share of the newest weights in the average after each step of an epoch, `(longest, members)`.

    It is 1 where the average becomes the weights, as in all epochs before it begins, and 0 where it does not change.

    Args:
        config: the average.
        epoch: number of the epoch, from 0.
        steps: steps per epoch of each member, `(members,)`.
        longest: the largest of them.
    """
    step = np.arange(longest)[:, None]
    before = epoch - (config.start_epoch - 1)  # epochs before this one that are averaged
    taken = step < steps
    if config.kind == "swa":
        return np.where(taken if before < 0 else step == steps - 1, 1.0 / (max(before, 0) + 1), 0.0)
    begins = (before < 0) | ((before == 0) & (step == 0))
    share = 1.0 - (_DECAY if config.decay is None else config.decay)
    return np.where(taken, np.where(begins, 1.0, share), 0.0)


def averaged(average: TrainedWeights, newest: TrainedWeights, share: Array, xp: Namespace) -> TrainedWeights:
    """Return `average + share * (newest - average)`, exactly `newest` for a share of 1, and `average` for 0.

    What is no number with a fraction, such as a counter among the buffers, is taken from the newest weights.

    Args:
        average: before the step, `(members, …)`.
        newest: the weights after it.
        share: `(members,)`.
        xp: the backend's namespace.
    """

    def moved(old: Array, new: Array) -> Array:
        mine = per_member(share, new, xp)
        between = xp.where(mine < 1, old + mine * (new - old), new) if new.dtype == xp.float else new
        return xp.where(mine > 0, between, old)

    return tree_map(moved, average, newest)


def trained_weights(carry: Carry) -> TrainedWeights:
    """Return the weights that a carry is evaluated and kept with: the average if there is one."""
    return carry["average"] if "average" in carry else newest_of(carry)


def newest_of(carry: Carry) -> TrainedWeights:
    """Return the weights after the last step."""
    weights: TrainedWeights = {"params": carry["params"]}
    if "buffers" in carry:
        weights["buffers"] = carry["buffers"]
    return weights
