"""The epoch log of a run, `metrics.jsonl`: one JSON line per epoch and chunk."""

import json
from collections.abc import Mapping
from pathlib import Path

import attrs

from gmcore.domain import EpochEnd
from gmcore.domain.plain import plain
from gmcore.storage.files import append, write_whole
from gmcore.storage.optional_writes import OptionalWrites
from gmcore.storage.regular_file import read_regular

__all__ = ["EpochLog", "forget_after"]


@attrs.define(kw_only=True)
class EpochLog:
    """Appends one JSON line per epoch and chunk to the log.

    Attributes:
        path: the file.
        attempts: whether a failed write ends the run; a line that can't be written is retried with the next one.
    """

    path: Path
    attempts: OptionalWrites
    _pending: bytes = attrs.field(init=False, default=b"")

    def log(self, epoch: EpochEnd) -> None:
        """Append the numbers of an epoch; a function for the hook `epoch_end`."""
        line = {
            "epoch": epoch.epoch,
            "members": epoch.members,
            "train_loss": epoch.train_loss,
            "stop_loss": epoch.stop_loss,
            **{f"stop_{name}": values for name, values in epoch.metrics.items()},
            "learning_rate": epoch.learning_rate,
            "active": epoch.active,
        }
        self._pending += json.dumps(plain(line)).encode() + b"\n"
        if self.attempts(lambda: append(self.path, self._pending)):
            self._pending = b""


def forget_after(path: Path, epochs: Mapping[tuple[int, ...], int]) -> None:
    """Drop the lines of epochs that will be trained again, and incomplete lines.

    Args:
        path: the log; it may be absent.
        epochs: the last epoch to keep of each chunk, by its members; chunks without an entry keep none.

    Raises:
        InputError: if it is not a file, or can't be read.
        OutputError: if it can't be written.
    """
    try:
        lines = read_regular(path).splitlines()
    except FileNotFoundError:
        return
    kept = [line for line in lines if _is_kept(line, epochs)]
    write_whole(path, b"".join(line + b"\n" for line in kept))


def _is_kept(line: bytes, epochs: Mapping[tuple[int, ...], int]) -> bool:
    """Return whether a line is complete and its epoch is among those to keep."""
    try:
        content = json.loads(line)
        return bool(content["epoch"] <= epochs.get(tuple(content["members"]), 0))
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
