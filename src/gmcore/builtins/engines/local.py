"""Engine: this process."""

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import attrs

from gmcore.domain import Cancellation, Job, JobEnd
from gmcore.ports import Engine, SupportsObjects

__all__ = ["LocalEngine"]


@attrs.frozen(kw_only=True)
class LocalEngine(Engine, SupportsObjects):
    """Runs jobs one after the other in this process."""

    @property
    def workers(self) -> int:
        return 1

    def run(
        self, jobs: Sequence[Job], run_job: Callable[[Path], None], cancellation: Cancellation
    ) -> Generator[JobEnd, None, None]:
        for job in jobs:
            cancellation.check()
            run_job(job.folder)
            yield JobEnd(job=job)

    def run_here(self, jobs: Sequence[Job], run: Callable[[Job], None]) -> Iterator[JobEnd]:
        for job in jobs:
            run(job)
            yield JobEnd(job=job)
