"""What the host reads of an epoch, told to whoever listens."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gmcore.domain import Array, EpochEnd, Member, Tree
from gmcore.errors import TrainingError
from gmcore.ports import TrainingTask
from gmcore.training.early_stopping import SUMMARY

__all__ = ["read_summary", "stacked", "unstacked"]


def read_summary(
    task: TrainingTask, members: Sequence[Member], summary: Array, learning_rate: np.ndarray, epoch: int
) -> dict[str, np.ndarray]:
    """Return an epoch's numbers as NumPy arrays, `(members,)` each, once the device has them.

    Args:
        task: whose.
        members: the chunk.
        summary: as the end of the epoch returned it.
        learning_rate: `(members,)`, of the epoch's last step.
        epoch: its number, from 1.

    Raises:
        TrainingError: if the loss of a member that trains is not finite.
    """
    numbers = dict(zip(SUMMARY, task.backend.to_numpy(summary).astype(np.float64), strict=True))
    read = numbers | {name: numbers[name].astype(bool) for name in ("was_active", "active")}
    was_active = read["was_active"]
    _refuse_lost(members, was_active & ~np.isfinite(read["train_loss"]), read, learning_rate, epoch)
    watched = was_active & np.array([len(member.stop) > 0 for member in members])
    read["train_loss"] = np.where(was_active, read["train_loss"], np.nan)
    read["stop_loss"] = np.where(watched, read["stop_loss"], np.nan)
    for call in task.hooks.epoch_end:
        call(
            EpochEnd(
                members=tuple(member.index for member in members),
                epoch=epoch,
                train_loss=read["train_loss"],
                stop_loss=read["stop_loss"],
                learning_rate=learning_rate,
                active=read["active"],
            )
        )
    return read


def stacked(history: Sequence[Tree]) -> dict[str, Any]:
    """Return the summaries of several epochs as one tree, `(epochs, members)`; empty for none."""
    return {name: np.stack([one[name] for one in history]) for name in history[0]} if history else {}


def unstacked(tree: Tree) -> list[Tree]:
    """Return what `stacked` put together."""
    epochs = len(next(iter(tree.values()))) if tree else 0
    return [{name: values[place] for name, values in tree.items()} for place in range(epochs)]


def _refuse_lost(
    members: Sequence[Member], lost: np.ndarray, read: Tree, learning_rate: np.ndarray, epoch: int
) -> None:
    if not lost.any():
        return
    place = int(np.argmax(lost))
    raise TrainingError(
        f"the loss of member {members[place].index} was {read['train_loss'][place]} in epoch {epoch}: "
        f"lower the learning rate (it was {learning_rate[place]:g}) or look for extreme values in the data"
    )
