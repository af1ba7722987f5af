"""The epoch log of a run, `metrics.jsonl`: one JSON line per epoch and chunk."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from gmcore.domain import EpochEnd, OutOfMemory
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
            **epoch.gradient_norms,
            "learning_rate": epoch.learning_rate,
            "active": epoch.active,
        }
        self._pending += json.dumps(plain(line)).encode() + b"\n"
        if self.attempts(lambda: append(self.path, self._pending)):
            self._pending = b""

    def forget(self, context: OutOfMemory) -> None:
        """Drop the epochs of a chunk that is trained again in parts; a function for the hook `out_of_memory`."""
        is_kept = lambda line: _epoch_and_members(line)[1] != context.members
        self._pending = b"".join(filter(is_kept, self._pending.splitlines(keepends=True)))
        self.attempts(lambda: _drop_others(self.path, is_kept))


def forget_after(path: Path, epochs: Mapping[tuple[int, ...], int]) -> None:
    """Drop the lines of epochs that will be trained again, and incomplete lines.

    Args:
        path: the log; it may be absent.
        epochs: the last epoch to keep of each chunk, by its members; chunks without an entry keep none.

    Raises:
        InputError: if it is not a file, or can't be read.
        OutputError: if it can't be written.
    """

    def is_kept(line: bytes) -> bool:
        epoch, members = _epoch_and_members(line)
        return epoch <= epochs.get(members, 0)

    _drop_others(path, is_kept)


def _drop_others(path: Path, is_kept: Callable[[bytes], bool]) -> None:
    """Drop the lines of a log that are not kept; it may be absent."""
    try:
        lines = read_regular(path).splitlines()
    except FileNotFoundError:
        return
    write_whole(path, b"".join(line + b"\n" for line in lines if is_kept(line)))


def _epoch_and_members(line: bytes) -> tuple[float, tuple[int, ...]]:
    """Return the epoch and the members of a line; infinity and no members if it is incomplete or malformed."""
    try:
        content = json.loads(line)
        epoch, members = content["epoch"], tuple(content["members"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return math.inf, ()
    return (epoch, members) if all(isinstance(one, int) for one in (epoch, *members)) else (math.inf, ())
