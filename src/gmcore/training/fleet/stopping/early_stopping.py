"""The end of an epoch, on the device: which members improved, stop or failed, and whose weights are kept."""

import math
from collections.abc import Callable
from functools import reduce
from operator import add

import numpy as np

from gmcore.domain import Array, EarlyStoppingConfig, Tree, WorkflowConfig
from gmcore.domain.tree import tree_leaves
from gmcore.nn.optimizers.members import select
from gmcore.ports import Feedback, Namespace, Schedule, SupportsFeedback
from gmcore.training.fleet.steps.averaging import trained_weights
from gmcore.training.fleet.trees import Carry, State, Summary, Totals, TrainedWeights

__all__ = ["NORMS", "end_of_epoch", "feedback_of", "initial_state", "summary_columns"]

NORMS = ("gradient_norm", "largest_gradient_norm")
"""The columns of `Summary.numbers` with the mean and the largest norm of an epoch's gradients, on request."""

_SUMMARY = ("train_loss", "stop_loss", "active", "best_loss", "best_epoch", "failed", "steps", "rate_scale")


def summary_columns(config: WorkflowConfig) -> tuple[str, ...]:
    """Return the names of the columns of `Summary.numbers`.

    `failed` masks members that failed in this epoch, `steps` are steps taken in it, and `rate_scale` is the factor of
    the planned learning rates that it was trained with.
    """
    return (*_SUMMARY, *(NORMS if config.gradient_norms else ()))


def initial_state(
    config: WorkflowConfig, kept: TrainedWeights, stop_weight: np.ndarray, center: np.ndarray | None = None
) -> State:
    """Return the state before the first epoch, NumPy arrays.

    Args:
        config: the task's.
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
    if config.early_stopping and (config.early_stopping.metric or config.early_stopping.alpha < 1):
        state |= {"best_value": np.full(members, np.inf), "smoothed": np.full(members, np.nan)}
    # First, because the order of keys counts.
    return state if center is None else {"center": center, **state}


def feedback_of(schedule: Schedule) -> Feedback | None:
    """Return how a schedule reacts to the loss; None if it does not."""
    return schedule.feedback if isinstance(schedule, SupportsFeedback) else None


def end_of_epoch(
    config: WorkflowConfig, feedback: Feedback | None, xp: Namespace
) -> Callable[[Carry, Totals, State, Array | None], tuple[Carry, State, Summary]]:
    """Return `end_epoch(carry, totals, state, watched) -> (carry, state, summary)`.

    `totals` are those of the stop rows. `watched`, `(members,)`, is what early stopping compares, lower for better
    members; None for the stop loss.

    A member that has stopped is still computed, since all members share one program, but `kept` no longer changes.
    A member that has failed gets a loss of NaN, which keeps its parameters as they are from then on.
    """
    names = summary_columns(config)

    def end_epoch(carry: Carry, totals: Totals, state: State, watched: Array | None) -> tuple[Carry, State, Summary]:
        has_stop = state["stop_weight"] > 0
        stop_loss = totals["loss"] / xp.where(has_stop, state["stop_weight"], 1.0)
        finite = xp.isfinite(carry["loss"]) & xp.isfinite(_parameter_sum(carry["params"], xp))
        after = _next_state(
            config.early_stopping, xp, carry, state, stop_loss=stop_loss, watched=watched, finite=finite
        )
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
        if config.gradient_norms:
            mean = carry["norm_sum"] / xp.maximum(carry["norm_count"], 1.0)
            columns |= {"gradient_norm": mean, "largest_gradient_norm": carry["norm_max"]}
        # One array is one transfer; float32 holds whole numbers up to 16 million exactly.
        numbers = xp.stack([xp.astype(columns[name], xp.float) for name in names], axis=1)
        next_carry: Carry = {
            **carry,
            "loss": xp.where(finite, xp.zeros_like(carry["loss"]), math.nan),
            "steps": xp.zeros_like(carry["steps"]),
        }
        for name in ("norm_sum", "norm_max", "norm_count"):
            if name in carry:
                next_carry[name] = xp.zeros_like(carry[name])
        if feedback is not None:
            loss = xp.where(has_stop, stop_loss, carry["loss"] / carry["train_weight"])
            heard = feedback.after_epoch(state["feedback"], xp.where(finite, loss, math.nan), xp=xp)
            after["feedback"], next_carry["rate_scale"] = heard, heard["scale"]
            next_carry["train_weight"] = xp.zeros_like(carry["train_weight"])
        return next_carry, after, {"numbers": numbers, "by_metric": totals["by_metric"]}

    return end_epoch


def _next_state(
    config: EarlyStoppingConfig | None,
    xp: Namespace,
    carry: Carry,
    state: State,
    *,
    stop_loss: Array,
    watched: Array | None,
    finite: Array,
) -> State:
    """Return the state after an epoch.

    Args:
        config: when members stop.
        xp: the backend's namespace.
        carry: after the epoch's steps.
        state: before the epoch.
        stop_loss: of the epoch, `(members,)`.
        watched: what is compared, lower for better members, `(members,)`; None for the stop loss.
        finite: mask of the members whose loss and parameters are finite.
    """
    epoch, has_stop = state["epoch"] + 1, state["stop_weight"] > 0
    learns = state["active"] & finite
    value, least = stop_loss if watched is None else watched, config.min_delta if config else 0.0
    compared: dict[str, Array] = {}
    if config and "smoothed" in state:
        before = state["smoothed"]  # NaN until the first finite value
        value = xp.where(xp.isfinite(before), config.alpha * value + (1 - config.alpha) * before, value)
        better = learns & has_stop & (value < state["best_value"] - least)
        compared["smoothed"] = xp.where(xp.isfinite(value), value, before)
        compared["best_value"] = xp.where(better, value, state["best_value"])
    else:
        better = learns & has_stop & (value < state["best_loss"] - least)
    best = state["best_value" if "best_value" in state else "best_loss"]
    # A value that can't be computed yet is no reason to stop, and without any the last weights are kept.
    never = learns & has_stop & ~(better | xp.isfinite(best))
    stale = xp.where(better | never, 0, state["stale"] + 1)
    active = learns & ((stale < config.patience) | ~has_stop) if config else learns
    keep = (better | never | (learns & ~has_stop)) if config and config.restore_best else learns
    after: State = {
        **state,
        "epoch": epoch,
        "active": active,
        "best_loss": xp.where(better, stop_loss, state["best_loss"]),
        "best_epoch": xp.where(keep, epoch, state["best_epoch"]),
        "stale": stale,
        "kept": select(xp, keep, trained_weights(carry), state["kept"]),
    }
    after.update(compared)  # type: ignore[typeddict-item]  # arrays of those names
    return after


def _parameter_sum(params: Tree, xp: Namespace) -> Array:
    """Return the sum of each member's parameters, `(members,)`: finite only if all of them are.

    Finite parameters so large that their sum overflows count as not finite; they are of no use either.
    """
    return reduce(add, (xp.sum(leaf, axis=tuple(range(1, leaf.ndim))) for leaf in tree_leaves(params)))
