"""The contract for engines catches each engine that breaks one of its rules."""

from collections.abc import Callable, Iterator

import attrs
import pytest

from gmcore.builtins.engines import LocalEngine, ProcessesEngine
from gmcore.builtins.engines.worker_process import WorkerProcess
from gmcore.domain import Cancellation, JobEnd
from gmcore.errors import TrainingError
from gmcore.ports import Engine, SupportsObjects
from gmcore.testing.engine import EngineContract
from gmcore.testing.engine_checks import jobs as checked_jobs


@attrs.frozen
class Broken(Engine):
    """Processes, with another way to run jobs."""

    change: Callable[..., Iterator[JobEnd]]

    @property
    def workers(self):
        return 2

    def run(self, jobs, run_job, cancellation):
        return self.change(ProcessesEngine(workers=2).run, jobs, run_job, cancellation)


def twice(run, *given):
    for end in run(*given):
        yield from (end, end)


def without_retries(run, jobs, run_job, cancellation):
    for job in jobs:
        if (job.folder / "deaths").exists():  # as many as lose a job at once
            (job.folder / "deaths").write_text("3")
    yield from run(jobs, run_job, cancellation)


def again_after_failure(run, jobs, run_job, cancellation):
    for end in run(jobs, run_job, cancellation):
        yield from run([end.job], run_job, cancellation) if end.failure else [end]


def renamed(run, *given):
    for end in run(*given):
        yield attrs.evolve(end, failure=end.failure and "the process died")


def tolerant(run, jobs, run_job, cancellation):
    for job in jobs:
        try:
            yield from run([job], run_job, cancellation)
        except TrainingError as error:
            yield JobEnd(job=job, failure=str(error))


def insistent(run, jobs, run_job, cancellation):
    try:
        yield from run(jobs, run_job, cancellation)
    except TrainingError:
        yield from run(jobs, run_job, cancellation)


def vague(run, *given):
    try:
        yield from run(*given)
    except TrainingError:
        raise TrainingError("a job failed") from None


def tired(run, jobs, run_job, cancellation):
    """Run the next job when its result is asked for."""
    for job in jobs:
        yield from run([job], run_job, cancellation)


BROKEN = {
    "ended twice": ("ends_once", twice),
    "one job forgotten": ("ends_once", lambda run, jobs, *given: run(jobs[:-1], *given)),
    "run again": ("ends_once", lambda run, jobs, *given: (*run(jobs, *given), *run(jobs, *given))[len(jobs) :]),
    "not run again": ("killed_is_run_again", without_retries),
    "run again for ever": ("died_three_times", again_after_failure),
    "no name in the failure": ("died_three_times", renamed),
    "an error is a failure": ("error_of_a_job_is_raised", tolerant),
    "an error is repeated": ("error_of_a_job_is_raised", insistent),
    "an error without its text": ("error_of_a_job_is_raised", vague),
    "deaf to a stop": ("requested_before", lambda run, jobs, run_job, _: run(jobs, run_job, Cancellation())),
}


def check_of(contract, rule):
    (name,) = (name for name in dir(contract) if name.startswith("test_") and rule in name)
    return getattr(contract(), name)


SLOW = ("run again", "run again for ever", "no name in the failure", "an error is a failure", "an error is repeated")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case in SLOW else ()) for case in BROKEN]
)
def test_a_broken_engine_is_caught(case):
    rule, change = BROKEN[case]
    contract = type("Contract", (EngineContract,), {"engine": lambda _: Broken(lambda *given: iter(change(*given)))})
    with pytest.raises(AssertionError):
        check_of(contract, rule)()


def test_an_engine_that_kills_jobs_in_place_of_stopping_them_is_caught(monkeypatch):
    monkeypatch.setattr(WorkerProcess, "stop", lambda worker: worker.process.kill())
    contract = type("Contract", (EngineContract,), {"engine": lambda _: ProcessesEngine(workers=2)})
    with pytest.raises(AssertionError, match="stopped before it could save"):
        check_of(contract, "lets_running_jobs_save")()


def test_an_engine_whose_jobs_run_on_is_caught(monkeypatch):
    workers = []
    monkeypatch.setattr(WorkerProcess, "stop", lambda worker: workers.append(worker))  # noqa: PLW0108 - a method
    monkeypatch.setattr(WorkerProcess, "wait", lambda _: None)
    contract = type("Contract", (EngineContract,), {"engine": lambda _: ProcessesEngine(workers=2)})
    with pytest.raises(AssertionError, match="jobs are still running"):
        check_of(contract, "closing_the_iterator")()
    monkeypatch.undo()
    for worker in {id(worker): worker for worker in workers}.values():
        worker.stop()
        worker.wait()


def test_an_engine_that_waits_for_its_caller_is_caught(monkeypatch):
    monkeypatch.setattr(checked_jobs, "SECONDS", 0.3)
    contract = type("Contract", (EngineContract,), {"engine": lambda _: Broken(tired)})
    with pytest.raises(TimeoutError):
        check_of(contract, "while_the_caller_is_busy")()


class Eager(LocalEngine):
    """Runs all jobs before the first has ended."""

    def run_here(self, jobs, run):
        for job in jobs:
            run(job)
        yield from (JobEnd(job=job) for job in jobs)


class Wrapping(LocalEngine):
    """Raises another error than the function did."""

    def run_here(self, jobs, run):
        try:
            yield from super().run_here(jobs, run)
        except KeyError as error:
            raise TrainingError("a job failed") from error


@pytest.mark.parametrize(("engine", "rule"), [(Eager(), "in_order"), (Wrapping(), "raises_is_raised")])
def test_a_broken_engine_in_this_process_is_caught(engine, rule):
    contract = type("Contract", (EngineContract,), {"engine": lambda _: engine, "abilities": (SupportsObjects,)})
    with pytest.raises(AssertionError):
        check_of(contract, rule)()


@pytest.mark.parametrize(("engine", "abilities"), [(LocalEngine(), ()), (ProcessesEngine(), (SupportsObjects,))])
def test_abilities_that_are_not_those_of_the_engine_are_caught(engine, abilities):
    contract = type("Contract", (EngineContract,), {"engine": lambda _: engine, "abilities": abilities})
    with pytest.raises(AssertionError, match="SupportsObjects"):
        check_of(contract, "with_the_abilities")()


def test_checks_of_other_processes_are_no_tests_of_an_engine_in_this_one():
    contract = type("Contract", (EngineContract,), {"abilities": (SupportsObjects,)})
    assert contract.test_a_job_whose_process_is_killed_is_run_again is None
    assert contract.test_it_runs_any_function_in_this_process_in_order is not None
