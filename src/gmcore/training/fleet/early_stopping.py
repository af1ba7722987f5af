"""The end of an epoch, on the device: who has improved, who stops, who has failed, and whose weights are kept."""

import math
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from gmcore.domain import Array, EarlyStoppingConfig, Tree
from gmcore.domain.tree import tree_leaves
from gmcore.nn.optimizers.members import select
from gmcore.ports import Namespace

__all__ = ["SUMMARY", "end_of_epoch", "start"]

SUMMARY = ("train_loss", "stop_loss", "active", "best_loss", "best_epoch", "failed", "steps")


def start(kept: Tree, stop_weight: np.ndarray, center: np.ndarray | None = None) -> dict[str, Any]:
    """Return the state before the first epoch.

    Args:
        kept: the weights that there are then.
        stop_weight: `(members,)`, of the rows to stop on, 0 for none.
        center: `(members, targets)`, near the mean of their targets; None for classes.
    """
    members = len(stop_weight)
    return {
        **({} if center is None else {"center": center}),
        "stop_weight": stop_weight,
        "epoch": np.zeros(members, np.int32),
        "active": np.ones(members, bool),
        "best_loss": np.full(members, np.inf),
        "best_epoch": np.zeros(members, np.int32),
        "stale": np.zeros(members, np.int32),
        "kept": kept,
    }


def end_of_epoch(config: EarlyStoppingConfig | None, xp: Namespace) -> Callable[[Any, Any, Any], Any]:
    """Return `finish(carry, totals, state) -> (carry, state, summary)`.

    `carry` is the training step's, `totals` the evaluation step's over the stop rows. A member that has stopped goes
    on being computed, because it shares the program, but what it becomes is never kept. One that has failed has a loss
    of NaN from then on, which keeps it as it was. `summary` is all that the host reads of an epoch: `numbers`,
    `(members, numbers)` in the order of `SUMMARY`, and the metrics' sums.
    """
    patience = config.patience if config else None

    def finish(carry: Any, totals: Any, state: Any) -> tuple[Any, Any, Any]:
        epoch, active, has_stop = state["epoch"] + 1, state["active"], state["stop_weight"] > 0
        stop_loss = totals["loss"] / xp.where(has_stop, state["stop_weight"], 1.0)
        sound = xp.isfinite(carry["loss"]) & xp.isfinite(_total(carry["params"], xp))
        learns = active & sound
        better = learns & has_stop & (stop_loss < state["best_loss"] - (config.min_delta if config else 0.0))
        stale = xp.where(better, 0, state["stale"] + 1)
        stays = learns if patience is None else learns & ((stale < patience) | ~has_stop)
        keep = (better | (learns & ~has_stop)) if config and config.restore_best else learns
        after = {
            **state,
            "epoch": epoch,
            "active": stays,
            "best_loss": xp.where(better, stop_loss, state["best_loss"]),
            "best_epoch": xp.where(keep, epoch, state["best_epoch"]),
            "stale": stale,
            "kept": select(xp, keep, {name: carry[name] for name in state["kept"]}, state["kept"]),
        }
        told = {
            "train_loss": carry["loss"],
            "stop_loss": stop_loss,
            "active": stays,
            "best_loss": after["best_loss"],
            "best_epoch": after["best_epoch"],
            "failed": active & ~sound,
            "steps": carry["steps"],
        }
        # Few arrays are few transfers; whole numbers up to 16 million are exact in float32.
        numbers = xp.stack([xp.astype(told[name], xp.float) for name in SUMMARY], axis=1)
        summary = {"numbers": numbers, **{name: sums for name, sums in totals.items() if name != "loss"}}
        fresh = {
            "loss": xp.where(sound, xp.zeros_like(carry["loss"]), math.nan),
            "steps": xp.zeros_like(carry["steps"]),
        }
        return {**carry, **fresh}, after, summary

    return finish


def _total(params: Tree, xp: Namespace) -> Array:
    """Return the sum of a member's weights, `(members,)`, which is finite only if all of them are.

    Weights so large that their sum is not, though each of them is, are no more use than infinite ones.
    """
    return reduce(add, (xp.sum(leaf, axis=tuple(range(1, leaf.ndim))) for leaf in tree_leaves(params)))
