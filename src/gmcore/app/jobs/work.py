"""What an engine calls in any process: the training of one job."""

import contextlib
import functools
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from gmcore.app.composing.folds import GivenFolds
from gmcore.app.composing.run import Run, open_run
from gmcore.app.jobs.fleet_folder import epochs_by_numbers, has_ended
from gmcore.app.jobs.job_folder import locked_folder, log_of, read_job
from gmcore.app.searching.renumbering import renumbered
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import DataError, TrainingError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.epoch_log import EpochLog, forget_after
from gmcore.storage.files import make_durable
from gmcore.storage.optional_writes import OptionalWrites
from gmcore.storage.row_store import open_rows

__all__ = ["run_job"]


def run_job(folder: Path) -> None:
    """Train the members of a job, from its last checkpoint if it has one; its folder then has the final ones.

    On SIGTERM it saves a checkpoint and raises `Cancelled`.

    Raises:
        Cancelled: if it was stopped.
        InputError: if its folder is damaged, or its run can't be built.
        OutputError: if a checkpoint or the epoch log can't be written.
    """
    # A process whose parent was killed may still be saving a checkpoint of the same job.
    with _stopped_by_sigterm() as cancellation, locked_folder(folder):
        content = read_job(folder)
        run = _opened(content.tables, content.rows)
        config, log = run.config.training.checkpoint, log_of(folder)
        flush = functools.partial(make_durable, log)
        store = Checkpoints(folder=folder, config=config, run=content.run, beforehand=flush)
        forget_after(log, epochs_by_numbers(content.first, store.latest()))
        lines = EpochLog(path=log, attempts=OptionalWrites(what="metrics", on_error=config.on_error, say=print))
        hooks = Hooks(epoch_end=(lines.log,), out_of_memory=(lines.forget,))
        if content.first is not None:
            hooks = renumbered(hooks, content.first)
        try:
            run.workflow.train(run.task(hooks, cancellation, store), content.members)
        except TrainingError:
            # All members failed. That is a result, if a final checkpoint has it.
            if not has_ended(store, len(content.members)):
                raise


@contextlib.contextmanager
def _stopped_by_sigterm() -> Iterator[Cancellation]:
    cancellation = Cancellation()

    def stop(number: int, _: FrameType | None) -> None:
        cancellation.cancel(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield cancellation
    finally:
        signal.signal(signal.SIGTERM, before)


# The jobs of one fleet differ in their members only, and share compiled programs.
@functools.lru_cache(maxsize=2)
def _opened(toml: str, rows: Path) -> Run:
    """Return the run of a job."""
    tables = tomllib.loads(toml)
    stored = open_rows(rows)
    if stored is None:
        raise DataError(f"the rows of the job are missing: {rows} was removed from the cache")
    return open_run(tables, settings={"data": ArrayData(stored.rows), "validation": GivenFolds(given=())})
