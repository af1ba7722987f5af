"""Port: an engine, which runs jobs somewhere."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from gmcore.domain import Cancellation, Job, JobEnd

__all__ = ["Engine"]


@runtime_checkable
class Engine(Protocol):
    """Runs the jobs of a search or of a cross-validation; its options are frozen."""

    @property
    @abstractmethod
    def workers(self) -> int:
        """Number of jobs that are computed at once."""

    @abstractmethod
    def run(
        self, jobs: Sequence[Job], run_job: Callable[[Path], None], cancellation: Cancellation
    ) -> Generator[JobEnd, None, None]:
        """Run all jobs and yield each once it has ended, in any order.

        A job whose process died, for whatever reason, is run again: `run_job` continues it from its last checkpoint
        to the same bits. A job whose process died three times is yielded with a failure that names the job, and the
        signal or the exit status of the process; the other jobs are run. Jobs are also run while the caller is busy
        with a result. Nothing runs after the iterator has ended, was closed, or has raised.

        Args:
            jobs: the jobs, with different names.
            run_job: a function of a module, which any process can import, and which computes the job in a folder. On
                SIGTERM it saves a checkpoint and raises `Cancelled`.
            cancellation: requests a stop: running jobs save a checkpoint and end, and `Cancelled` is raised.

        Raises:
            Cancelled: if a stop was requested.
            TrainingError: if `run_job` raised, such as for a full disk, with its message; that job is not repeated.
        """
