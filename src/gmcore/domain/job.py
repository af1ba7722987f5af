"""A job of an engine, and how it ended."""

from pathlib import Path

import attrs

from gmcore.domain.results import Failure

__all__ = ["Job", "JobEnd", "Lost"]


@attrs.frozen(kw_only=True)
class Job:
    """A part of a run that can be computed anywhere: data, never code.

    Attributes:
        name: identifies it among the jobs of its run, also in messages.
        folder: has everything that the job needs, and gets its results.
    """

    name: str
    folder: Path


@attrs.frozen(kw_only=True)
class JobEnd:
    """The end of a job.

    Attributes:
        job: the job.
        failure: why it was lost; None if its results are in its folder.
    """

    job: Job
    failure: str | None = None


@attrs.frozen(kw_only=True)
class Lost(Failure):
    """Why a member was not trained, in place of where its training failed.

    Attributes:
        reason: the failure of its job.
    """

    reason: str

    @classmethod
    def because(cls, reason: str) -> "Lost":
        """Return the failure of a member that took no step."""
        nan = float("nan")
        numbers = {"loss": nan, "largest_gradient": nan, "largest_weight": nan, "learning_rate": nan}
        return cls(epoch=0, step=0, parameter="", reason=reason, **numbers)

    def __str__(self) -> str:
        return self.reason
