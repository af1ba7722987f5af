"""A run's folder: what it was made of, how it went, what came out."""

import contextlib
import datetime as dt
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gmcore.domain import EpochEnd
from gmcore.errors import OutputError
from gmcore.training.files import write_whole

__all__ = ["RunFolder"]


@attrs.frozen
class RunFolder:
    """One run on disk.

    It holds `config.toml` (resolved), `provenance.json`, `status.json`, `metrics.jsonl` (a line an
    epoch), and what the command leaves: `result.json`, `model.safetensors`.
    """

    path: Path

    @classmethod
    def create(cls, runs: Path, name: str, *, config: str, provenance: Mapping[str, object]) -> "RunFolder":
        """Make a new folder under `runs` that no other run has.

        Raises:
            OutputError: if that place does not take it; nothing is left behind.
        """
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
        folder = cls(_new_folder(runs, f"{name}-{stamp}"))
        try:
            write_whole(folder.path / "config.toml", config.encode())
            folder.write_json("provenance.json", provenance)
            folder.tell("running")
        except OutputError:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        return folder

    def tell(self, status: str, **more: object) -> None:
        """Say how the run stands: `"running"`, `"done"`, `"cancelled"` or `"failed"`."""
        self.write_json("status.json", {"status": status, **more})

    def write_json(self, name: str, content: Mapping[str, object]) -> None:
        """Write one JSON file, whole."""
        write_whole(self.path / name, (json.dumps(_plain(content), indent=2) + "\n").encode())

    def log_epoch(self, epoch: EpochEnd) -> None:
        """Append an epoch's numbers to `metrics.jsonl`: a hook for `epoch_end`."""
        line = {
            "epoch": epoch.epoch,
            "members": list(epoch.members),
            "train_loss": epoch.train_loss,
            "stop_loss": epoch.stop_loss,
            "learning_rate": epoch.learning_rate,
            "active": epoch.active,
        }
        try:
            with (self.path / "metrics.jsonl").open("a") as file:
                file.write(json.dumps(_plain(line)) + "\n")
        except OSError as error:
            raise OutputError(f"cannot write {self.path / 'metrics.jsonl'}: {error.strerror}") from error

    def forget_after(self, epochs: Mapping[tuple[int, ...], int]) -> None:
        """Take out of `metrics.jsonl` what will be trained again: epochs after the given one, by members."""
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return
        lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        told = [(line, json.loads(line)) for line in lines]
        kept = [line for line, one in told if one["epoch"] <= epochs.get(tuple(one["members"]), 0)]
        write_whole(path, "".join(kept).encode())


def _new_folder(runs: Path, name: str) -> Path:
    try:
        runs.mkdir(parents=True, exist_ok=True)
        for attempt in range(1000):
            folder = runs / (f"{name}-{attempt}" if attempt else name)
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise OutputError(f"cannot make a run folder in {runs}: {error.strerror or error}") from error
    raise OutputError(f"cannot make a run folder in {runs}: a thousand runs are named {name}")


def _plain(value: Any) -> Any:
    """Return `value` as JSON has it: lists for arrays, null for numbers that are none."""
    if isinstance(value, Mapping):
        return {str(name): _plain(child) for name, child in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(child) for child in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
