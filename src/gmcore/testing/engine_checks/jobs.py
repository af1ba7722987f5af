"""Jobs that note in their folder what happens to them, and fail or die as its name or a file in it says."""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gmcore.domain import Cancellation

__all__ = [
    "attempts",
    "is_running",
    "run_or_die",
    "run_or_raise",
    "run_until_stopped",
    "run_when_all_run",
    "wait_until",
]

SECONDS = 60.0
"""How long anything may take that must happen."""


def run_or_die(folder: Path) -> None:
    """Die as often as the file `deaths` says, by SIGKILL, or with the exit status in the file `status`."""
    with _running(folder):
        if attempts(folder) <= _number(folder / "deaths"):
            if status := _number(folder / "status"):
                os._exit(status)
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / "result").write_text("done")


def run_or_raise(folder: Path) -> None:
    """Raise an error if the folder has a file `error`, with its text."""
    with _running(folder):
        if (folder / "error").exists():
            raise OSError((folder / "error").read_text())
        (folder / "result").write_text("done")


def run_when_all_run(folder: Path) -> None:
    """Wait until each job whose folder is beside this one has started."""
    with _running(folder):
        wait_until(lambda: all(attempts(other) for other in folder.parent.iterdir()))
        (folder / "result").write_text("done")


def run_until_stopped(folder: Path) -> None:
    """Wait for SIGTERM, then note that it came and raise `Cancelled`; a folder with a file `short` ends at once."""
    cancellation = Cancellation()
    before = signal.signal(signal.SIGTERM, lambda number, _: cancellation.cancel(number))
    try:
        with _running(folder):
            if not (folder / "short").exists():
                wait_until(lambda: cancellation.requested)
                (folder / "saved").write_text("saved")
                cancellation.check()
    finally:
        signal.signal(signal.SIGTERM, before)


def attempts(folder: Path) -> int:
    """Return how often a job was begun."""
    with contextlib.suppress(FileNotFoundError):
        return (folder / "attempts").stat().st_size
    return 0


def is_running(folder: Path) -> bool:
    """Return whether a process is running a job."""
    with contextlib.suppress(FileNotFoundError), (folder / "lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true.

    Raises:
        TimeoutError: if it is not after a minute.
    """
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened within {SECONDS:g} seconds")
        time.sleep(0.01)


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[None]:
    """Hold the job's lock, which ends with the process, and count the attempt."""
    with (folder / "lock").open("wb") as lock, (folder / "attempts").open("ab", buffering=0) as count:
        fcntl.flock(lock, fcntl.LOCK_EX)
        count.write(b".")
        yield


def _number(path: Path) -> int:
    return int(path.read_text()) if path.exists() else 0
