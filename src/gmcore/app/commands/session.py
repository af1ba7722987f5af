"""The session of a command: emits its first and last events, and records the end of the run in its folder."""

import contextlib
import functools
import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from gmcore.app.composing.run import Run
from gmcore.app.records.component_table import recorded
from gmcore.domain import (
    Cancellation,
    CVResult,
    Hooks,
    MemberFailed,
    OutOfMemory,
    RunEnd,
    RunError,
    RunStart,
    TrainingResult,
)
from gmcore.errors import Cancelled, OutputError, TrainingError
from gmcore.registry.exits import exit_error, exits_as_errors, is_exit
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.epoch_log import EpochLog
from gmcore.storage.files import alone_in, make_durable
from gmcore.storage.optional_writes import OptionalWrites
from gmcore.storage.run_folder import RunFolder
from gmcore.training.precision_check import precision_notes

if TYPE_CHECKING:
    from gmcore.app.jobs.fleets import FleetTraining

__all__ = ["PARTIAL", "Session", "locked", "run_session", "warn"]


PARTIAL = "partial.json"
"""The file with the results so far of a cross-validation or search that was stopped."""


def warn(text: str) -> None:
    """Issue a `RuntimeWarning`; the default `say` of the commands."""
    warnings.warn(text, RuntimeWarning, stacklevel=2)


def locked(folder: RunFolder | None) -> contextlib.AbstractContextManager[None]:
    """Return a context manager that locks a run folder against other processes; None is not locked."""
    return alone_in(folder.path) if folder is not None else contextlib.nullcontext()


@attrs.frozen(kw_only=True, eq=False)
class Session:
    """A run between its first and its last event.

    Attributes:
        command: `"train"`, `"validate"`, `"search"` or `"find_rate"`.
        folder: the run folder; None for none.
        hooks: all listeners of the run.
        checkpoints: the store of its checkpoints; None without a folder.
    """

    command: str
    folder: RunFolder | None
    hooks: Hooks
    checkpoints: Checkpoints | None

    @property
    def path(self) -> Path | None:
        """Path of the run folder."""
        return self.folder.path if self.folder else None

    def training(self, cancellation: Cancellation) -> "FleetTraining":
        """Return what trains the run's fleets."""
        from gmcore.app.jobs.fleets import FleetTraining  # noqa: PLC0415 - training one model does not need it

        log = self.folder.log if self.folder else None
        return FleetTraining(hooks=self.hooks, checkpoints=self.checkpoints, log=log, cancellation=cancellation)

    def finish(self, result: TrainingResult | CVResult, report: Mapping[str, object]) -> None:
        """Write the result to the folder and emit `RunEnd`."""
        if self.folder is not None:
            self.folder.write_json("result.json", report)
            self.folder.tell("done")
            (self.folder.path / PARTIAL).unlink(missing_ok=True)
        self.hooks.emit(RunEnd(command=self.command, folder=self.path, result=result))


@contextlib.contextmanager
def run_session(
    run: Run, command: str, folder: RunFolder | None, *, hooks: Hooks | None, say: Callable[[str], object]
) -> Iterator[Session]:
    """Yield a session; an error in its block is recorded in the folder, emitted as `RunError`, and raised again.

    Raises:
        TrainingError: in place of an exit of a component, such as by `sys.exit`, and of an error of writing.
    """
    session = _session(run, command, folder, hooks=hooks or Hooks(), say=say)
    with exits_as_errors():
        try:
            config = recorded(run.tables, run.registry)
            session.hooks.emit(RunStart(command=command, folder=session.path, config=config))
            for note in precision_notes(run.rows, run.config.dtype):
                say(note)
            yield session
        except BaseException as caught:
            error = _as_training_error(caught)
            if folder is not None:
                _record_end(folder, error)
            _tell_of_error(session, error)
            if error is not caught:
                raise error from caught
            raise
        finally:
            run.data.close()
            run.workflow.close()


def _session(
    run: Run, command: str, folder: RunFolder | None, *, hooks: Hooks, say: Callable[[str], object]
) -> Session:
    listeners = _merged(run.hooks, hooks, _failure_messages(command, say), _memory_message(say))
    if folder is None:
        return Session(command=command, folder=None, hooks=listeners, checkpoints=None)
    config = run.config.training.checkpoint
    log = EpochLog(path=folder.log, attempts=OptionalWrites(what="metrics", on_error=config.on_error, say=say))
    listeners = _merged(listeners, Hooks(epoch_end=(log.log,), out_of_memory=(log.forget,)))
    checkpoints = Checkpoints(
        folder=folder.checkpoints,
        config=config,
        hooks=listeners,
        say=say,
        # A checkpoint must not contain epochs that the log lacks.
        beforehand=functools.partial(make_durable, folder.log),
        run=folder.identity,
    )
    return Session(command=command, folder=folder, hooks=listeners, checkpoints=checkpoints)


def _failure_messages(command: str, say: Callable[[str], object]) -> Hooks:
    """Return hooks that call `say` for each failed fold of a cross-validation.

    Other commands need no message: `train` raises an error, and a search has the failure in the result of the trial.
    """
    if command != "validate":
        return Hooks()

    def report(context: MemberFailed) -> None:
        say(f"fold {context.member} failed: {context.failure}")

    return Hooks(member_failed=(report,))


def _memory_message(say: Callable[[str], object]) -> Hooks:
    """Return hooks that call `say` the first time that the device runs out of memory."""
    heard: list[OutOfMemory] = []

    def report(context: OutOfMemory) -> None:
        if not heard:
            say(f"memory ran out with {context.tried} models at once: now {context.at_once} are computed at once")
        heard.append(context)

    return Hooks(out_of_memory=(report,))


def _as_training_error(error: BaseException) -> BaseException:
    """Return the error that ends a started run: an `OutputError` is an input error only before the run starts."""
    if is_exit(error):
        return exit_error(error)
    return TrainingError(f"{error} (gmcore resume continues the run)") if isinstance(error, OutputError) else error


def _record_end(folder: RunFolder, error: BaseException) -> None:
    stopped = isinstance(error, Cancelled | KeyboardInterrupt)
    # If the status can't be written, it stays "running", as after a kill; the original error matters more.
    with contextlib.suppress(OutputError):
        folder.tell("cancelled" if stopped else "failed", message=str(error))
    error.add_note(f"run folder: {folder.path}")
    if stopped:
        error.add_note(f"to continue the run: gmcore resume {shlex.quote(str(folder.path))}")


def _tell_of_error(session: Session, error: BaseException) -> None:
    """Call every listener of `RunError`; what one raises is a note of the error, which matters more."""
    context = RunError(command=session.command, folder=session.path, error=error)
    for listener in session.hooks.run_error:
        try:
            listener(context)
        except BaseException as second:  # noqa: BLE001 - as above
            what = exit_error(second) if is_exit(second) else f"{type(second).__name__}: {second}"
            error.add_note(
                "; ".join([f"a listener of run_error failed, too: {what}", *getattr(second, "__notes__", ())])
            )


def _merged(*listeners: Hooks) -> Hooks:
    """Return hooks that call all listeners, in order."""
    names = [field.name for field in attrs.fields(Hooks)]
    return Hooks(**{name: sum((getattr(one, name) for one in listeners), ()) for name in names})
