"""How a run went, epoch by epoch: `metrics.jsonl`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from gmcore.domain import EpochEnd
from gmcore.domain.plain import plain
from gmcore.storage.files import append, write_whole
from gmcore.storage.optional_writes import OptionalWrites

__all__ = ["EpochLog", "forget_after"]


@attrs.define(kw_only=True)
class EpochLog:
    """A line of JSON an epoch and chunk.

    Attributes:
        path: the file.
        attempts: what a failure to write means; lines that could not be written wait for the next.
    """

    path: Path
    attempts: OptionalWrites
    _waiting: bytes = attrs.field(init=False, default=b"")

    def log(self, epoch: EpochEnd) -> None:
        """Append an epoch's numbers: a hook for `epoch_end`."""
        line = {
            "epoch": epoch.epoch,
            "members": epoch.members,
            "train_loss": epoch.train_loss,
            "stop_loss": epoch.stop_loss,
            **{f"stop_{name}": values for name, values in epoch.metrics.items()},
            "learning_rate": epoch.learning_rate,
            "active": epoch.active,
        }
        self._waiting += json.dumps(plain(line)).encode() + b"\n"
        if self.attempts(lambda: append(self.path, self._waiting)):
            self._waiting = b""


def forget_after(path: Path, epochs: Mapping[tuple[int, ...], int]) -> None:
    """Take out of a log what will be trained again: epochs after the given one, by members; and torn lines."""
    if path.exists():
        told = [(line, _parsed(line)) for line in path.read_bytes().splitlines()]
        kept = [line for line, one in told if one and one["epoch"] <= epochs.get(tuple(one["members"]), 0)]
        write_whole(path, b"".join(line + b"\n" for line in kept))


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and {"epoch", "members"} <= set(told) else None
