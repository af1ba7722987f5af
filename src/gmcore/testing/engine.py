"""Contract suite for engines."""

# ruff: noqa: S101 - the asserts are the checks

import contextlib
import os
import tempfile
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, TypeVar

from gmcore.domain import Cancellation, Job, JobEnd
from gmcore.errors import Cancelled, TrainingError
from gmcore.ports import Engine, SupportsObjects
from gmcore.testing.abilities import OfAbilities, needs
from gmcore.testing.engine_checks.jobs import (
    attempts,
    is_running,
    run_or_die,
    run_or_raise,
    run_until_stopped,
    run_when_all_run,
    wait_until,
)

__all__ = ["EngineContract"]

C = TypeVar("C", bound=Callable[..., None])
_DEATHS = 3
_SIGNAL = 15


def _elsewhere(check: C) -> C:
    """Mark a check of engines whose jobs run in other processes."""
    check.elsewhere = True  # type: ignore[attr-defined]
    return check


class EngineContract(OfAbilities):
    """Checks for an engine; subclass it as `TestYours` in a test module, and pytest runs them.

    An engine that runs jobs in this process states the ability `SupportsObjects` in `abilities`.
    """

    optional: ClassVar[tuple[type, ...]] = (SupportsObjects,)

    def __init_subclass__(cls, **options: object) -> None:
        """Remove the checks that do not apply."""
        super().__init_subclass__(**options)
        if SupportsObjects in cls.abilities:
            for name, check in vars(EngineContract).items():
                if getattr(check, "elsewhere", False):
                    setattr(cls, name, None)

    @abstractmethod
    def engine(self) -> Engine:
        """Return a new engine, with two workers or more if it can have them."""

    def test_it_is_an_engine_with_the_abilities_of_the_suite(self) -> None:
        """The port is subclassed, or its methods are all there; it says how many jobs it computes at once."""
        engine = self.engine()
        assert isinstance(engine, Engine)
        self.assert_abilities(engine)
        assert isinstance(engine.workers, int), f"workers must be a whole number, got {engine.workers!r}"
        assert engine.workers >= 1, f"workers must be 1 or more, got {engine.workers}"

    def test_every_job_is_run_once_and_ends_once(self) -> None:
        """Whatever the number of jobs and of workers; also none."""
        with _jobs(*"abcdefg") as jobs:
            ends = list(self.engine().run(jobs, run_or_die, Cancellation()))
            assert sorted(end.job.name for end in ends) == [job.name for job in jobs]
            assert all(end.failure is None for end in ends), [end.failure for end in ends]
            assert all((end.job.folder / "result").exists() for end in ends), "a job has ended without its result"
            assert [attempts(job.folder) for job in jobs] == [1] * len(jobs)
        assert list(self.engine().run([], run_or_die, Cancellation())) == []

    @_elsewhere
    def test_as_many_jobs_as_workers_run_at_once(self) -> None:
        """Each of these jobs waits until all of them have started."""
        engine = self.engine()
        with _jobs(*map(str, range(min(engine.workers, 4)))) as jobs:
            ends = list(engine.run(jobs, run_when_all_run, Cancellation()))
            assert {end.job.name: end.failure for end in ends} == {job.name: None for job in jobs}

    @_elsewhere
    def test_jobs_are_run_while_the_caller_is_busy_with_a_result(self) -> None:
        """Whatever it takes to score some models, others are trained meanwhile."""
        with _jobs(*"abcdefg") as jobs, contextlib.closing(self.engine().run(jobs, run_or_die, Cancellation())) as ends:
            next(ends)
            wait_until(lambda: all((job.folder / "result").exists() for job in jobs))
            assert len(list(ends)) == len(jobs) - 1

    @_elsewhere
    def test_a_job_whose_process_is_killed_is_run_again(self) -> None:
        """Once or twice, and the others run once."""
        with _jobs("once", "twice", "a", "b", once={"deaths": "1"}, twice={"deaths": "2"}) as jobs:
            ends = list(self.engine().run(jobs, run_or_die, Cancellation()))
            assert sorted(end.job.name for end in ends) == ["a", "b", "once", "twice"]
            assert all(end.failure is None for end in ends), [end.failure for end in ends]
            assert [attempts(job.folder) for job in jobs] == [2, 3, 1, 1]

    @_elsewhere
    def test_a_job_whose_process_died_three_times_has_failed_and_the_others_go_on(self) -> None:
        """The failure names the job, and the signal or the exit status."""
        files = {"killed": {"deaths": "9"}, "exited": {"deaths": "9", "status": "77"}}
        with _jobs("killed", "exited", "a", "b", **files) as jobs:
            ends = {end.job.name: end for end in self.engine().run(jobs, run_or_die, Cancellation())}
            assert sorted(ends) == ["a", "b", "exited", "killed"]
            assert [attempts(job.folder) for job in jobs] == [_DEATHS, _DEATHS, 1, 1]
            for name, how in (("killed", ("9", "SIGKILL")), ("exited", ("77",))):
                failure = ends[name].failure or ""
                assert name in failure, f"the failure must name the job: {failure}"
                assert any(word in failure for word in how), f"the failure must say how its process ended: {failure}"
            assert (ends["a"].failure, ends["b"].failure) == (None, None)

    def test_an_error_of_a_job_is_raised_and_the_job_is_not_repeated(self) -> None:
        """It is an error of the run, such as a full disk; no job runs after that."""
        with _jobs("a", "bad", "b", "c", bad={"error": "no space left"}) as jobs:
            error = _raised(self.engine().run(jobs, run_or_raise, Cancellation()))
            assert isinstance(error, TrainingError | OSError), f"raised {error!r}"
            assert "no space left" in str(error), f"the message must be that of the job, got: {error}"
            assert attempts(jobs[1].folder) == 1
            _assert_nothing_runs(jobs)

    def test_nothing_is_run_if_a_stop_was_requested_before(self) -> None:
        """`Cancelled` is raised, with the signal."""
        cancellation = Cancellation()
        cancellation.cancel(_SIGNAL)
        with _jobs("a", "b") as jobs:
            error = _raised(self.engine().run(jobs, run_or_die, cancellation))
            assert isinstance(error, Cancelled), f"raised {error!r}"
            assert error.signal == _SIGNAL
            assert [attempts(job.folder) for job in jobs] == [0, 0]

    @_elsewhere
    def test_a_stop_lets_running_jobs_save_and_raises_cancelled(self) -> None:
        """Jobs get a SIGTERM, and nothing runs after."""
        cancellation = Cancellation()
        with _jobs("a", "b", "c") as jobs:

            def stop() -> None:
                wait_until(lambda: attempts(jobs[0].folder) > 0)
                cancellation.cancel(_SIGNAL)

            thread = threading.Thread(target=stop)
            thread.start()
            error = _raised(self.engine().run(jobs, run_until_stopped, cancellation))
            thread.join()
            assert isinstance(error, Cancelled), f"raised {error!r}"
            begun = [job for job in jobs if attempts(job.folder)]
            assert all((job.folder / "saved").exists() for job in begun), "a job was stopped before it could save"
            _assert_nothing_runs(jobs)

    @_elsewhere
    def test_closing_the_iterator_stops_all_jobs(self) -> None:
        """As an error in the process that takes the results does."""
        with _jobs("a", "b", "c", a={"short": ""}) as jobs:
            engine = self.engine()
            ends = engine.run(jobs, run_until_stopped, Cancellation())
            assert next(ends).job.name == "a"
            if engine.workers > 1:
                wait_until(lambda: attempts(jobs[1].folder) > 0)
            ends.close()
            _assert_nothing_runs(jobs)

    @needs(SupportsObjects)
    def test_it_runs_any_function_in_this_process_in_order(self) -> None:
        """The next job runs when its turn comes, not before."""
        seen: list[tuple[str, int]] = []
        with _jobs("a", "b", "c") as jobs:
            ends = self._here().run_here(jobs, lambda job: seen.append((job.name, os.getpid())))
            for count, job in enumerate(jobs, start=1):
                assert next(ends) == JobEnd(job=job)
                assert seen == [(name, os.getpid()) for name in "abc"[:count]]
            assert list(ends) == []

    @needs(SupportsObjects)
    def test_what_a_function_in_this_process_raises_is_raised(self) -> None:
        """As it is."""
        problem = KeyError("x")

        def run(_: Job) -> None:
            raise problem

        with _jobs("a") as jobs:
            assert _raised(self._here().run_here(jobs, run)) is problem

    def _here(self) -> SupportsObjects:
        engine = self.engine()
        assert isinstance(engine, SupportsObjects)
        return engine


@contextlib.contextmanager
def _jobs(*names: str, **files: Mapping[str, str]) -> Iterator[list[Job]]:
    """Yield jobs with these names; `files` are the contents of the files in their folders."""
    with tempfile.TemporaryDirectory() as root:
        jobs = [Job(name=name, folder=Path(root) / name) for name in names]
        for job in jobs:
            job.folder.mkdir()
            for name, content in files.get(job.name, {}).items():
                (job.folder / name).write_text(content)
        yield jobs


def _raised(ends: Iterator[JobEnd]) -> Exception | None:
    """Return what running all jobs raises."""
    try:
        for _ in ends:
            pass
    except Exception as error:  # noqa: BLE001 - the check is about it
        return error
    return None


def _assert_nothing_runs(jobs: list[Job]) -> None:
    running = [job.name for job in jobs if is_running(job.folder)]
    assert not running, f"jobs are still running: {', '.join(running)}"
