"""Small runs that the cases damage: some killed after their third checkpoint, some finished."""

import functools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness import in_child, leave
from sandbox import import_once

from gmcore.app import open_run, plan_of
from gmcore.app.commands.cross_validate import cross_validate
from gmcore.app.commands.search import search
from gmcore.app.commands.train import train
from gmcore.domain import Hooks

__all__ = ["finished_run", "killed_run", "outcome", "written_rows"]

_COMMANDS: dict[str, Callable[..., object]] = {
    "train": train,
    "validate": cross_validate,
    "search": lambda run, **more: search(run, plan_of(run), **more),
}
# What differs between equal runs.
_NOT_COMPARED = ("run", "model", "seconds", "profile")


def written_rows(place: Path) -> Path:
    """Write a CSV with numbers, categories and missing values, and return its path."""
    import_once()
    points = np.random.default_rng(0).normal(size=(48, 2)).round(3)
    lines = [
        f"{a if row % 7 else ''},{b},{('red', 'green', 'blue')[row % 3]},{'yes' if a > b else 'no'}"
        for row, (a, b) in enumerate(points)
    ]
    path = place / "rows.csv"
    path.write_text("\n".join(["a,b,colour,kind", *lines, ""]))
    return path


def finished_run(place: Path, command: str, *, seed: int) -> Path:
    """Make a run that has finished, and return its folder."""
    in_child(functools.partial(_begin, place, command, seed, Hooks()))
    (folder,) = (place / "runs").iterdir()
    return folder


def killed_run(place: Path, command: str, *, seed: int) -> Path:
    """Make a run that was killed after its third checkpoint, and return its folder."""
    seen = []

    def count(moment: object) -> None:
        seen.append(moment)
        if len(seen) == 3:
            leave()

    def work() -> None:
        _begin(place, command, seed, Hooks(checkpoint_saved=(count,)))
        raise AssertionError("it had fewer than three checkpoints")

    in_child(work)
    (folder,) = (place / "runs").iterdir()
    return folder


def outcome(folder: Path) -> dict[str, object]:
    """Return all that a run came to, without what differs between equal runs."""
    report = _compared(json.loads((folder / "result.json").read_text()))
    model = folder / "model.safetensors"
    return {**report, "weights": model.read_bytes() if model.exists() else b""}


def _compared(report: object) -> object:
    if isinstance(report, dict):
        return {name: _compared(value) for name, value in report.items() if name not in _NOT_COMPARED}
    return [_compared(one) for one in report] if isinstance(report, list) else report


def _begin(place: Path, command: str, seed: int, hooks: Hooks) -> None:
    tables: dict[str, object] = {
        "seed": seed,
        "backend": {"use": "metal", "device": "cpu"},
        "data": {"use": "csv", "path": str(written_rows(place)), "target": "kind"},
        "model": {"use": "mlp", "hidden": [4], "dropout": 0.1, "embedding": "embedding"},
        "training": {
            "max_epochs": 4,
            "batch_size": 16,
            "optimizer": {"use": "adamw", "learning_rate": 0.05},
            "early_stopping": {"patience": 3},
            "checkpoint": {"seconds": math.inf, "every_epochs": 1},
        },
        "validation": {"use": "kfold", "n_splits": 2},
    }
    if command == "search":
        tables["search"] = {"space": {"training.optimizer.learning_rate": [0.01, 0.05]}}
    _COMMANDS[command](open_run(tables), runs=place / "runs", hooks=hooks)
