"""What the host reads of an epoch, told to whoever listens."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gmcore.domain import EpochEnd, Member, Tree
from gmcore.ports import TrainingTask
from gmcore.training.early_stopping import SUMMARY
from gmcore.training.pieces import Piece

__all__ = ["read_summary", "stacked", "unstacked"]

_FLAGS = ("was_active", "active", "failed")


def read_summary(
    task: TrainingTask, members: Sequence[Member], summary: np.ndarray, piece: Piece
) -> dict[str, np.ndarray]:
    """Return an epoch's numbers, `(members,)` each, and tell who listens.

    Args:
        task: whose.
        members: the chunk.
        summary: as the end of the epoch returned it, on the host.
        piece: the epoch's last.
    """
    numbers = dict(zip(SUMMARY, summary.astype(np.float64), strict=True))
    read = numbers | {name: numbers[name].astype(bool) for name in _FLAGS}
    was_active = read["was_active"]
    watched = was_active & np.array([len(member.stop) > 0 for member in members])
    read["train_loss"] = np.where(was_active, read["train_loss"] / piece.weight, np.nan)
    read["stop_loss"] = np.where(watched, read["stop_loss"], np.nan)
    for call in task.hooks.epoch_end:
        call(
            EpochEnd(
                members=tuple(member.index for member in members),
                epoch=piece.epoch + 1,
                train_loss=read["train_loss"],
                stop_loss=read["stop_loss"],
                learning_rate=piece.learning_rate,
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
