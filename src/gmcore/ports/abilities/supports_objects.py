"""Ability: an engine that runs jobs in this process."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from gmcore.domain import Job, JobEnd

__all__ = ["SupportsObjects"]


@runtime_checkable
class SupportsObjects(Protocol):
    """An engine that runs jobs in this process, so that a run may have objects that no registry names."""

    @abstractmethod
    def run_here(self, jobs: Sequence[Job], run: Callable[[Job], None]) -> Iterator[JobEnd]:
        """Run the jobs in this thread, in order, and yield each once it has ended; the next runs after that.

        What `run` raises is raised.

        Args:
            jobs: the jobs, whose folders may be absent.
            run: computes one job; it may be any function.
        """
