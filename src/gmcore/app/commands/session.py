"""The course of a run: from the first hook to the last, in a folder that tells how it went."""

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from gmcore.app.composing.run import Run
from gmcore.app.records.results import CrossValidated, Searched, Trained
from gmcore.domain import Hooks, MemberFailed, RunEnd, RunError, RunStart
from gmcore.errors import Cancelled, OutputError, TrainingError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.storage.epoch_log import EpochLog
from gmcore.storage.files import alone_in, make_durable
from gmcore.storage.optional_writes import OptionalWrites
from gmcore.storage.run_folder import RunFolder
from gmcore.training.precision_check import precision_notes

__all__ = ["alone", "go", "warn"]

R = TypeVar("R", Trained, CrossValidated, Searched)


def warn(text: str) -> None:
    """Tell whoever runs this from code."""
    warnings.warn(text, RuntimeWarning, stacklevel=2)


def alone(folder: RunFolder | None) -> contextlib.AbstractContextManager[None]:
    """Keep others out of a run folder, if there is one."""
    return alone_in(folder.path) if folder is not None else contextlib.nullcontext()


def go(
    run: Run,
    command: str,
    folder: RunFolder | None,
    hooks: Hooks | None,
    work: Callable[[Hooks, Checkpoints | None], R],
    result_of: Callable[[R], Any],
    say: Callable[[str], object],
) -> R:
    """Do `work` between the first hook and the last, with a folder that tells how it went."""
    everyone, checkpoints = _together(run.hooks, hooks or Hooks(), _failures_told(command, say)), None
    if folder is not None:
        config = run.config.training.checkpoint
        log = EpochLog(path=folder.log, attempts=OptionalWrites(what="metrics", on_error=config.on_error, say=say))
        everyone = _together(everyone, Hooks(epoch_end=(log.log,)))
        checkpoints = Checkpoints(
            folder=folder.checkpoints,
            config=config,
            hooks=everyone,
            say=say,
            # A checkpoint must not know of epochs that the log doesn't.
            beforehand=functools.partial(make_durable, folder.log),
        )
    path = folder.path if folder else None
    try:
        for start in everyone.run_start:
            start(RunStart(command=command, folder=path, config=run.tables))
        for note in precision_notes(run.rows, run.config.dtype):
            say(note)
        done = work(everyone, checkpoints)
        if folder is not None:
            folder.write_json("result.json", done.report)
            folder.tell("done")
        for end in everyone.run_end:
            end(RunEnd(command=command, folder=path, result=result_of(done)))
    except BaseException as caught:
        error = _as_failure(caught)
        if folder is not None:
            _tell_end(folder, error)
        for fail in everyone.run_error:
            fail(RunError(command=command, folder=path, error=error))
        if error is not caught:
            raise error from caught
        raise
    finally:
        run.data.close()
        run.workflow.close()
    return done


def _failures_told(command: str, say: Callable[[str], object]) -> Hooks:
    """Return what tells of each fold that could not go on: a single model's end is an error, a trial's a result."""
    if command != "validate":
        return Hooks()

    def tell(moment: MemberFailed) -> None:
        say(f"fold {moment.member} has failed: {moment.failure}")

    return Hooks(member_failed=(tell,))


def _as_failure(error: BaseException) -> BaseException:
    """Return what a run that had begun ends with: that its folder takes no more is no wrong input then."""
    return TrainingError(f"{error} (gmcore resume goes on)") if isinstance(error, OutputError) else error


def _tell_end(folder: RunFolder, error: BaseException) -> None:
    # Where it can't be written the status stays "running", as after a kill; the error itself matters more.
    with contextlib.suppress(OutputError):
        folder.tell("cancelled" if isinstance(error, Cancelled) else "failed", message=str(error))
    error.add_note(f"run folder: {folder.path}")


def _together(*listeners: Hooks) -> Hooks:
    """Return hooks that tell everyone, in order."""
    names = [field.name for field in attrs.fields(Hooks)]
    return Hooks(**{name: sum((getattr(one, name) for one in listeners), ()) for name in names})
