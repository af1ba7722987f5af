"""Going on with a run that was stopped or killed."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gmcore.app import commands
from gmcore.app.provenance import FORMAT, rows_sha256
from gmcore.app.results import CrossValidated, Trained
from gmcore.app.run import Run, open_run
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import DataError, InputError
from gmcore.training.checkpoint import Checkpoints
from gmcore.training.run_folder import RunFolder

__all__ = ["resume"]


def resume(
    folder: str | Path,
    *,
    backend: Mapping[str, Any] | None = None,
    allow_changed_data: bool = False,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Trained | CrossValidated:
    """Go on with the run in a folder from its last checkpoint; on the same kind of device to the same bits.

    Args:
        folder: the run folder.
        backend: another backend than the run's, as in a run file.
        allow_changed_data: whether to go on although the data is no longer what it was.
        hooks: who is told.
        cancellation: raise it to stop at the next step.
        say: told in a sentence of what is no longer exact, and of damaged checkpoints.

    Raises:
        InputError: if that is no run folder of this version, or the run is done.
        DataError: if the data or the rows' roles have changed.
    """
    begun, path = time.perf_counter(), Path(folder)
    facts = _facts(path)
    run = open_run(path / "config.toml", settings={"backend": backend} if backend else None)
    _check_data(run, facts, say if allow_changed_data else None)
    _check_device(run, facts["backend"], say)
    kept = RunFolder(path)
    store = Checkpoints(folder=path / "checkpoints", config=run.config.training.checkpoint, say=say)
    kept.forget_after({snapshot.members: snapshot.epoch for snapshot in store.latest()})
    kept.tell("running")
    if facts["command"] == "train":
        return commands.train_in(run, kept, hooks=hooks, cancellation=cancellation, begun=begun)
    return commands.cross_validate_in(run, kept, hooks=hooks, cancellation=cancellation)


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((path / "provenance.json").read_text())
        status = json.loads((path / "status.json").read_text())["status"]
        version = facts["format"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is not a run folder, or it is damaged: {error}") from error
    if version != FORMAT:
        raise InputError(f"{path} has format {version}, this gmcore goes on with format {FORMAT}")
    if status == "done":
        raise InputError(f"the run {path} is done: there is nothing to go on with")
    return facts


def _check_data(run: Run, facts: Mapping[str, Any], say: Callable[[str], object] | None) -> None:
    """Refuse data or roles of rows that are not the run's; only say so where that is allowed."""
    found = {
        "data": (facts["data"]["sha256"], run.data.metadata["sha256"]),
        "rows to train, stop and score on": (
            facts["rows_sha256"],
            rows_sha256(commands.parts_of(run, facts["command"])),
        ),
    }
    for what, (then, now) in found.items():
        if then == now:
            continue
        text = f"the {what} changed since the run began: sha256 was {then}, now it is {now}"
        if say is None:
            raise DataError(f"{text} (--allow-changed-data goes on nevertheless)")
        say(f"{text}; the result is not what the run would have come to")


def _check_device(run: Run, told: Mapping[str, str], say: Callable[[str], object]) -> None:
    backend = run.chosen.backend
    if (backend.name, backend.device) != (told["name"], told["device"]):
        say(
            f"the run began with {told['name']} on {told['device']} and goes on with {backend.name} on "
            f"{backend.device}: its numbers agree to rounding, no longer to the bit"
        )
