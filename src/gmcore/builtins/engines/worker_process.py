"""The parent's side of a worker process: start it, give it jobs, notice its death, stop it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO

import attrs

from gmcore.domain import Job
from gmcore.errors import TrainingError

__all__ = ["WorkerDiedError", "WorkerProcess"]

_WORKER = "gmcore.builtins.engines.worker"
_SHOWN = 2000  # bytes of stderr in a message


class WorkerDiedError(Exception):
    """A worker process has ended without an answer; the message says how."""


@attrs.define(kw_only=True, eq=False)
class WorkerProcess:
    """A worker process.

    Attributes:
        process: the process.
        stderr: the file with what it has printed.
        job: the job that it computes; None if it waits for one.
    """

    process: subprocess.Popen[bytes]
    stderr: IO[bytes]
    job: Job | None = None

    @classmethod
    def start(cls, run_job: Callable[[Path], None], environment: Mapping[str, str]) -> "WorkerProcess":
        """Start a worker for a function of a module, with variables besides those of this process."""
        stderr = tempfile.TemporaryFile()  # noqa: SIM115 - `wait` closes it
        # It imports what this process imports, and nothing from the current folder that this one does not.
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        process = subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, "-P", "-m", _WORKER, f"{run_job.__module__}:{run_job.__qualname__}"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": paths, **environment},
            start_new_session=True,  # Ctrl-C and the end of a terminal reach the parent alone, which stops the workers
        )
        return cls(process=process, stderr=stderr)

    @property
    def answers(self) -> IO[bytes]:
        """The pipe on which an answer arrives; it can be waited for."""
        assert self.process.stdout is not None  # noqa: S101 - it was started with a pipe
        return self.process.stdout

    @property
    def has_died(self) -> bool:
        """Whether its process has ended."""
        return self.process.poll() is not None

    def give(self, job: Job) -> None:
        """Give it a job; if it has died, `result` says so."""
        self.job = job
        try:
            self._jobs.write(json.dumps(str(job.folder)).encode() + b"\n")
        except BrokenPipeError:
            return

    def result(self) -> None:
        """Read the answer to its job.

        Raises:
            WorkerDiedError: if there is none, because the process has ended.
            TrainingError: if the job raised an error.
        """
        assert self.job is not None  # noqa: S101 - it has a job
        # A process that the job started may hold the pipe open, so that its end does not show.
        if self.has_died and not wait([self.answers.fileno()], 0):
            raise WorkerDiedError(self._death())
        line = self.answers.readline()
        if not line.endswith(b"\n"):
            raise WorkerDiedError(self._death())
        answer = json.loads(line)
        if answer is not None:
            text, trace = answer
            error = TrainingError(f"{self.job.name}: {text}")
            error.add_note(f"in a process of the engine:\n{trace.rstrip()}")
            raise error
        self.job = None

    def stop(self) -> None:
        """Ask it to save a checkpoint and end."""
        self._jobs.close()

    def wait(self) -> None:
        """Wait until it has ended, and release its files."""
        self.process.wait()
        for file in (self._jobs, self.answers, self.stderr):
            file.close()

    @property
    def _jobs(self) -> IO[bytes]:
        assert self.process.stdin is not None  # noqa: S101 - it was started with a pipe
        return self.process.stdin

    def _death(self) -> str:
        """Return how the process ended, with the end of what it printed."""
        status = self.process.wait()
        how = f"by signal {-status} ({signal.Signals(-status).name})" if status < 0 else f"with exit status {status}"
        self.stderr.seek(max(0, self.stderr.seek(0, os.SEEK_END) - _SHOWN))
        printed = self.stderr.read().decode(errors="replace").strip()
        return f"{how}; it printed: {printed}" if printed else how
