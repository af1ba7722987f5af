"""The end of an epoch, on the device: which members improved, stop or failed, and whose weights are kept."""

import math
from collections.abc import Callable
from functools import reduce
from operator import add

import numpy as np

from gmcore.domain import Array, EarlyStoppingConfig, Tree
from gmcore.domain.tree import tree_leaves
from gmcore.nn.optimizers.members import select
from gmcore.ports import Feedback, Namespace, Schedule, SupportsFeedback
from gmcore.training.fleet.trees import Carry, State, Summary, Totals, TrainedWeights

__all__ = ["SUMMARY", "end_of_epoch", "feedback_of", "initial_state"]

SUMMARY = ("train_loss", "stop_loss", "active", "best_loss", "best_epoch", "failed", "steps", "rate_scale")
"""The columns of `Summary.numbers`.

`failed` masks members that failed in this epoch, `steps` are steps taken in it, and `rate_scale` is the factor of the
planned learning rates that it was trained with.
"""


def initial_state(kept: TrainedWeights, stop_weight: np.ndarray, center: np.ndarray | None = None) -> State:
    """Return the state before the first epoch, NumPy arrays.

    Args:
        kept: the initial weights.
        stop_weight: summed weight of each member's stop rows, `(members,)`, 0 without any.
        center: values near the mean of each member's stop targets, `(members, targets)`; None for classes.
    """
    members = len(stop_weight)
    state: State = {
        "stop_weight": stop_weight,
        "epoch": np.zeros(members, np.int32),
        "active": np.ones(members, bool),
        "best_loss": np.full(members, np.inf),
        "best_epoch": np.zeros(members, np.int32),
        "stale": np.zeros(members, np.int32),
        "kept": kept,
    }
    # First, because the order of keys counts.
    return state if center is None else {"center": center, **state}


def feedback_of(schedule: Schedule) -> Feedback | None:
    """Return how a schedule reacts to the loss; None if it does not."""
    return schedule.feedback if isinstance(schedule, SupportsFeedback) else None


def end_of_epoch(
    config: EarlyStoppingConfig | None, feedback: Feedback | None, xp: Namespace
) -> Callable[[Carry, Totals, State], tuple[Carry, State, Summary]]:
    """Return `end_epoch(carry, totals, state) -> (carry, state, summary)`; `totals` are those of the stop rows.

    A member that has stopped is still computed, since all members share one program, but `kept` no longer changes.
    A member that has failed gets a loss of NaN, which keeps its parameters as they are from then on.
    """

    def end_epoch(carry: Carry, totals: Totals, state: State) -> tuple[Carry, State, Summary]:
        has_stop = state["stop_weight"] > 0
        stop_loss = totals["loss"] / xp.where(has_stop, state["stop_weight"], 1.0)
        finite = xp.isfinite(carry["loss"]) & xp.isfinite(_parameter_sum(carry["params"], xp))
        after = _next_state(config, xp, carry, state, stop_loss=stop_loss, finite=finite)
        columns = {
            "train_loss": carry["loss"],
            "stop_loss": stop_loss,
            "active": after["active"],
            "best_loss": after["best_loss"],
            "best_epoch": after["best_epoch"],
            "failed": state["active"] & ~finite,
            "steps": carry["steps"],
            "rate_scale": carry.get("rate_scale", xp.ones_like(carry["loss"])),
        }
        # One array is one transfer; float32 holds whole numbers up to 16 million exactly.
        numbers = xp.stack([xp.astype(columns[name], xp.float) for name in SUMMARY], axis=1)
        next_carry: Carry = {
            **carry,
            "loss": xp.where(finite, xp.zeros_like(carry["loss"]), math.nan),
            "steps": xp.zeros_like(carry["steps"]),
        }
        if feedback is not None:
            watched = xp.where(has_stop, stop_loss, carry["loss"] / carry["train_weight"])
            watched = xp.where(finite, watched, math.nan)
            heard = feedback.after_epoch(state["feedback"], watched, xp=xp)
            after["feedback"], next_carry["rate_scale"] = heard, heard["scale"]
            next_carry["train_weight"] = xp.zeros_like(carry["train_weight"])
        return next_carry, after, {"numbers": numbers, "by_metric": totals["by_metric"]}

    return end_epoch


def _next_state(
    config: EarlyStoppingConfig | None, xp: Namespace, carry: Carry, state: State, *, stop_loss: Array, finite: Array
) -> State:
    """Return the state after an epoch; `finite` masks the members whose loss and parameters are finite."""
    epoch, has_stop = state["epoch"] + 1, state["stop_weight"] > 0
    learns = state["active"] & finite
    better = learns & has_stop & (stop_loss < state["best_loss"] - (config.min_delta if config else 0.0))
    stale = xp.where(better, 0, state["stale"] + 1)
    active = learns & ((stale < config.patience) | ~has_stop) if config else learns
    keep = (better | (learns & ~has_stop)) if config and config.restore_best else learns
    weights: TrainedWeights = {"params": carry["params"]}
    if "buffers" in state["kept"]:
        weights["buffers"] = carry["buffers"]
    return {
        **state,
        "epoch": epoch,
        "active": active,
        "best_loss": xp.where(better, stop_loss, state["best_loss"]),
        "best_epoch": xp.where(keep, epoch, state["best_epoch"]),
        "stale": stale,
        "kept": select(xp, keep, weights, state["kept"]),
    }


def _parameter_sum(params: Tree, xp: Namespace) -> Array:
    """Return the sum of each member's parameters, `(members,)`: finite only if all of them are.

    Finite parameters so large that their sum overflows count as not finite; they are of no use either.
    """
    return reduce(add, (xp.sum(leaf, axis=tuple(range(1, leaf.ndim))) for leaf in tree_leaves(params)))
