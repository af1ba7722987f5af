"""Going on with a run that was stopped or killed."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gmcore.app.commands import train as commands
from gmcore.app.commands.search import epochs_done, search_in
from gmcore.app.composing.run import Run, open_run
from gmcore.app.records.record import Record, read_record
from gmcore.app.records.results import CrossValidated, Searched, Trained
from gmcore.app.searching.candidates import plan_of
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import DataError, InputError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.epoch_log import forget_after
from gmcore.storage.files import alone_in
from gmcore.storage.run_folder import RunFolder

__all__ = ["resume"]


def resume(
    folder: str | Path,
    *,
    backend: Mapping[str, Any] | None = None,
    allow_changed_data: bool = False,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Trained | CrossValidated | Searched:
    """Go on with the run in a folder from its last checkpoint; on the same kind of device to the same bits.

    Args:
        folder: the run folder.
        backend: another backend than the run's, as in a run file.
        allow_changed_data: whether to go on although the data is no longer what it was.
        hooks: who is told.
        cancellation: raise it to stop at the next step.
        say: told in a sentence of what is no longer exact, of damaged checkpoints, and of what can't be written.

    Raises:
        InputError: if that is no run folder of this version, the run is done or under way in another process, or
            its checkpoints are all damaged.
        DataError: if the data or the rows' roles have changed.
    """
    begun, path = time.perf_counter(), Path(folder)
    with alone_in(path):
        record = read_record(path)
        if record.status == "done":
            raise InputError(f"the run {path} is done: there is nothing to go on with")
        if record.command not in ("train", "validate", "search"):
            raise InputError(f"the run {path} was made by gmcore {record.command}, which can't be gone on with")
        run = open_run(path / "config.toml", settings={"backend": backend} if backend else None)
        _check_data(run, record, say if allow_changed_data else None)
        _check_device(run, record.backend, say)
        kept = RunFolder(path)
        store = Checkpoints(folder=kept.checkpoints, config=run.config.training.checkpoint)
        if record.command == "search":
            plan = plan_of(run)
            forget_after(kept.log, epochs_done(plan, store))
            kept.tell("running")
            return search_in(run, plan, kept, hooks=hooks, cancellation=cancellation, say=say)
        forget_after(kept.log, {snapshot.members: snapshot.epoch for snapshot in store.latest()})
        kept.tell("running")
        if record.command == "train":
            return commands.train_in(run, kept, hooks=hooks, cancellation=cancellation, say=say, begun=begun)
        return commands.cross_validate_in(run, kept, hooks=hooks, cancellation=cancellation, say=say)


def _check_data(run: Run, record: Record, say: Callable[[str], object] | None) -> None:
    """Refuse data or roles of rows that are not the run's; only say so where that is allowed."""
    for what, (then, now) in record.changed(run, commands.parts_of(run, record.command)).items():
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
