"""The command `resume`: continues a stopped or killed run in its folder."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from gmcore.app.commands.cross_validate import cross_validate_in
from gmcore.app.commands.run_folders import parts_of
from gmcore.app.commands.search import search_in
from gmcore.app.commands.session import warn
from gmcore.app.commands.train import train_in
from gmcore.app.commands.trials import epochs_done
from gmcore.app.composing.run import Run
from gmcore.app.records.provenance import BackendFacts
from gmcore.app.records.record import Record, read_record, reopened
from gmcore.app.records.results import CrossValidated, Searched, Trained
from gmcore.app.records.run_lookup import RunKind
from gmcore.app.searching.plan import plan_of
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import DataError, InputError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.epoch_log import forget_after
from gmcore.storage.files import alone_in
from gmcore.storage.run_folder import RunFolder

__all__ = ["RESUMABLE", "resume"]

Say = Callable[[str], object]


def resume(
    folder: str | Path,
    *,
    backend: Mapping[str, object] | None = None,
    engine: str | None = None,
    allow_changed_data: bool = False,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Say = warn,
) -> Trained | CrossValidated | Searched:
    """Resume a run from its last checkpoint; on the same kind of device the result is bit-identical.

    Args:
        folder: the run folder.
        backend: table of another backend than the run's, as in a run file.
        engine: name of another engine than the run's; a run of plain training has none to change.
        allow_changed_data: whether to resume even if the data has changed.
        hooks: listeners in addition to those of the run's hook plugins.
        cancellation: stops the training at the next step once it is set.
        say: called with a message about changed data, another backend, damaged checkpoints and failed writes.

    Raises:
        InputError: if `folder` is not a run folder of this version, the run has finished or is active in another
            process, or all its checkpoints are damaged; or if `engine` is given for plain training.
        DataError: if the data or the roles of the rows have changed.
    """
    start, path = time.perf_counter(), Path(folder)
    with alone_in(path):
        record = _resumable(path)
        if engine is not None and record.command == "train":
            raise InputError(f"the run {path} trains one model, which no engine divides: leave out the engine")
        run = reopened(record, backend, engine)
        _check_data(run, record, say if allow_changed_data else None)
        _check_device(run, record.backend, say)
        if record.command == "search":
            return _resume_search(run, RunFolder(path), hooks=hooks, cancellation=cancellation, say=say)
        run_folder = RunFolder(path)
        forget_after(
            run_folder.log, {snapshot.members: snapshot.epoch for snapshot in _store(run, run_folder).latest()}
        )
        run_folder.tell("running")
        if record.command == "train":
            return train_in(run, run_folder, hooks=hooks, cancellation=cancellation, say=say, start=start)
        return cross_validate_in(run, run_folder, hooks=hooks, cancellation=cancellation, say=say)


def _check_resumable(folder: Path) -> None:
    _resumable(folder)
    with alone_in(folder):
        pass


RESUMABLE = RunKind("can be resumed", _check_resumable)


def _resume_search(
    run: Run, folder: RunFolder, *, hooks: Hooks | None, cancellation: Cancellation | None, say: Say
) -> Searched:
    plan = plan_of(run)
    forget_after(folder.log, epochs_done(_store(run, folder), folder.log))
    folder.tell("running")
    return search_in(run, plan, folder, hooks=hooks, cancellation=cancellation, say=say)


def _store(run: Run, folder: RunFolder) -> Checkpoints:
    return Checkpoints(folder=folder.checkpoints, config=run.config.training.checkpoint, run=folder.identity)


def _resumable(path: Path) -> Record:
    """Return the record of a run; raise if the run can't be resumed."""
    record = read_record(path)
    if record.status == "done":
        raise InputError(f"the run {path} has finished, so it can't be resumed")
    if record.command not in ("train", "validate", "search"):
        raise InputError(f"the run {path} was made by gmcore {record.command}, which can't be resumed")
    return record


def _check_data(run: Run, record: Record, say: Say | None) -> None:
    """Raise if the data or the roles of the rows have changed; with `say`, only call it with a message."""
    for what, (then, now) in record.changed(run, parts_of(run, record.command)).items():
        text = f"the {what} changed since the run began: sha256 was {then}, now it is {now}"
        if say is None:
            raise DataError(f"{text} (--allow-changed-data resumes anyway)")
        say(f"{text}; the result will differ from that of the original data")


def _check_device(run: Run, recorded: BackendFacts, say: Say) -> None:
    """Call `say` with a message if the run computes on another backend or device than recorded."""
    backend = run.chosen.backend
    if (backend.name, backend.device) != (recorded["name"], recorded["device"]):
        say(
            f"the run started with {recorded['name']} on {recorded['device']} and resumes with {backend.name} on "
            f"{backend.device}: its results will agree up to rounding, not to the bit"
        )
