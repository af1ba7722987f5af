"""Components that other processes can import."""

import os
import signal
from pathlib import Path

import attrs
import numpy as np

from gmcore.domain import JobEnd
from gmcore.ports import Engine, Schedule


@attrs.frozen(kw_only=True)
class Deadly(Schedule):
    """Kills every process but one that trains a member with as many steps or more."""

    parent: int = 0
    steps: int = 0

    def factor(self, step, total_steps, steps_per_epoch):
        if os.getpid() != self.parent and np.max(total_steps) >= self.steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.ones(np.broadcast_shapes(np.shape(step), np.shape(total_steps)))


@attrs.frozen(kw_only=True)
class Full(Schedule):
    """Finds no space left on a disk."""

    def factor(self, step, total_steps, steps_per_epoch):
        raise OSError("no space left on the disk")


@attrs.frozen(kw_only=True)
class Stopping(Engine):
    """Requests a stop after its first job, and runs all jobs once the file `stopped` is there."""

    stopped: str
    workers: int = 1

    def run(self, jobs, run_job, cancellation):
        for number, job in enumerate(jobs):
            if number and not Path(self.stopped).exists():
                Path(self.stopped).touch()
                cancellation.cancel()
            cancellation.check()
            run_job(job.folder)
            yield JobEnd(job=job)
