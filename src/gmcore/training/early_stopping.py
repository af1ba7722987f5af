"""The end of an epoch, on the device: who has improved, who stops, and whose weights are kept."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gmcore.domain import EarlyStoppingConfig, Tree
from gmcore.ports import Namespace
from gmcore.training.select import select

__all__ = ["SUMMARY", "end_of_epoch", "start"]

SUMMARY = ("train_loss", "stop_loss", "was_active", "active", "best_loss", "best_epoch")


def start(kept: Tree, has_stop: np.ndarray) -> dict[str, Any]:
    """Return the state before the first epoch; `has_stop` `(members,)`: who has rows to stop on."""
    members = len(has_stop)
    return {
        "has_stop": has_stop,
        "active": np.ones(members, bool),
        "best_loss": np.full(members, np.inf),
        "best_epoch": np.zeros(members, np.int32),
        "stale": np.zeros(members, np.int32),
        "kept": kept,
    }


def end_of_epoch(config: EarlyStoppingConfig | None, xp: Namespace) -> Callable[[Any, Any, Any, Any], Any]:
    """Return `finish(carry, stop_sums, state, epoch) -> (carry, state, summary)`.

    `carry` is the training step's, `stop_sums` the evaluation step's over the stop rows, `epoch` its number from
    1. A member that has stopped goes on being computed, because it shares the program, but what it
    becomes is never kept. `summary`, `(numbers, members)` in the order of `SUMMARY`, is all that the host
    reads of an epoch.
    """
    patience = config.patience if config else None

    def finish(carry: Any, stop_sums: Any, state: Any, epoch: Any) -> tuple[Any, Any, Any]:
        active, has_stop = state["active"], state["has_stop"]
        train_loss = carry["loss"] / carry["weight"]
        stop_loss = stop_sums["loss"] / xp.where(has_stop, stop_sums["weight"], 1.0)
        better = active & has_stop & (stop_loss < state["best_loss"] - (config.min_delta if config else 0.0))
        stale = xp.where(better, 0, state["stale"] + 1)
        stays = active if patience is None else active & ((stale < patience) | ~has_stop)
        keep = (better | (active & ~has_stop)) if config and config.restore_best else active
        after = {
            "has_stop": has_stop,
            "active": stays,
            "best_loss": xp.where(better, stop_loss, state["best_loss"]),
            "best_epoch": xp.where(keep, epoch, state["best_epoch"]),
            "stale": stale,
            "kept": select(xp, keep, {"params": carry["params"], "buffers": carry["buffers"]}, state["kept"]),
        }
        told = {
            "train_loss": train_loss,
            "stop_loss": stop_loss,
            "was_active": active,
            "active": stays,
            "best_loss": after["best_loss"],
            "best_epoch": after["best_epoch"],
        }
        # One array is one transfer; whole numbers up to 16 million are exact in float32.
        summary = xp.stack([xp.astype(told[name], xp.float) for name in SUMMARY])
        sums = {"loss": xp.zeros_like(carry["loss"]), "weight": xp.zeros_like(carry["weight"])}
        return {**carry, **sums}, after, summary

    return finish
