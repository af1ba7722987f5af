"""The engines of gmcore hold to the contract, and `processes` keeps its workers in order."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gmcore.builtins.engines import LocalEngine, ProcessesEngine
from gmcore.domain import Cancellation, Job
from gmcore.errors import ConfigError, TrainingError
from gmcore.ports import SupportsObjects
from gmcore.registry import structure
from gmcore.testing import EngineContract
from gmcore.testing.engine_checks.jobs import attempts, is_running, wait_until


class TestLocal(EngineContract):
    abilities = (SupportsObjects,)

    def engine(self):
        return LocalEngine()


class TestProcesses(EngineContract):
    def engine(self):
        return ProcessesEngine(workers=2)


def loud(folder):
    print("on stdout")  # noqa: T201 - as a plugin may
    os.system("echo from a child")  # noqa: S605 - a library in C prints, too
    (folder / "device").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
    (folder / "pid").write_text(str(os.getpid()))


def complaining(folder):
    print("the last words", file=sys.stderr, flush=True)  # noqa: T201 - as above
    os.kill(os.getpid(), signal.SIGSEGV)


def at_length(folder):
    raise ValueError("z" * 1_000_000)


def leaving(folder):
    sys.exit("enough")


def survived(folder):
    child = os.fork()
    if not child:
        signal.pause()  # with the worker's pipes open
    (folder / f"child-{child}").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def jobs_in(folder, count):
    jobs = [Job(name=f"job-{number}", folder=folder / str(number)) for number in range(count)]
    for job in jobs:
        job.folder.mkdir()
    return jobs


@pytest.fixture
def importable(tmp_path, monkeypatch):
    """Return the functions of this file as those of a module that other processes can import."""
    (tmp_path / "own_jobs.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    import own_jobs  # noqa: PLC0415 - written above

    yield own_jobs
    del sys.modules["own_jobs"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs"


def test_what_jobs_print_does_not_reach_stdout(importable, folder, capfd):
    list(ProcessesEngine(workers=1).run(jobs_in(folder, 2), importable.loud, Cancellation()))
    assert capfd.readouterr().out == ""


def test_a_worker_is_kept_for_further_jobs_and_sees_its_devices(importable, folder):
    jobs = jobs_in(folder, 5)
    engine = ProcessesEngine(workers=2, devices=("0", "3"))
    list(engine.run(jobs, importable.loud, Cancellation()))
    found = {(job.folder / "pid").read_text(): (job.folder / "device").read_text() for job in jobs}
    assert len(found) == 2
    assert set(found.values()) == {"0", "3"}


def test_the_last_words_of_a_process_are_in_the_failure(importable, folder):
    (end,) = ProcessesEngine(workers=1).run(jobs_in(folder, 1), importable.complaining, Cancellation())
    assert end.failure.startswith("job-0 was lost: its process died 3 times, the last time by signal 11 (SIGSEGV)")
    assert end.failure.endswith("it printed: the last words")


def test_a_function_that_a_process_cannot_import_is_an_error(importable, folder, monkeypatch):
    monkeypatch.setattr(importable.loud, "__module__", "no_such_module")
    with pytest.raises(TrainingError, match="job-0: ModuleNotFoundError: No module named 'no_such_module'"):
        list(ProcessesEngine(workers=1).run(jobs_in(folder, 1), importable.loud, Cancellation()))


def test_an_error_of_a_job_has_its_traceback_as_a_note(importable, folder):
    jobs = [Job(name="absent", folder=folder / "absent")]
    with pytest.raises(TrainingError, match=r"absent: FileNotFoundError: .*absent/device") as caught:
        list(ProcessesEngine(workers=1).run(jobs, importable.loud, Cancellation()))
    assert "in loud\n" in caught.value.__notes__[0]


@pytest.mark.slow
def test_long_errors_of_several_jobs_are_one_error(importable, folder):
    with pytest.raises(TrainingError, match=r"job-\d: ValueError: z{100}") as caught:
        list(ProcessesEngine(workers=2).run(jobs_in(folder, 2), importable.at_length, Cancellation()))
    assert len(str(caught.value)) < 10_000


def test_an_exit_of_a_job_is_an_error_of_the_run(importable, folder):
    with pytest.raises(TrainingError, match="job-0: SystemExit: enough"):
        list(ProcessesEngine(workers=1).run(jobs_in(folder, 1), importable.leaving, Cancellation()))


def test_a_process_that_a_job_has_started_does_not_hide_the_death_of_the_worker(importable, folder):
    (end,) = ProcessesEngine(workers=1).run(jobs_in(folder, 1), importable.survived, Cancellation())
    assert "its process died 3 times, the last time by signal 9 (SIGKILL)" in end.failure
    for child in (folder / "0").glob("child-*"):
        os.kill(int(child.name.removeprefix("child-")), signal.SIGKILL)


def test_workers_stop_and_save_when_the_parent_is_killed(folder):
    jobs = jobs_in(folder, 2)
    code = f"""
from pathlib import Path
from gmcore.builtins.engines import ProcessesEngine
from gmcore.domain import Cancellation, Job
from gmcore.testing.engine_checks.jobs import run_until_stopped
jobs = [Job(name=name, folder=Path({str(folder)!r}) / name) for name in "01"]
list(ProcessesEngine(workers=2).run(jobs, run_until_stopped, Cancellation()))
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    wait_until(lambda: all(attempts(job.folder) for job in jobs))
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(is_running(job.folder) for job in jobs))
    assert all((job.folder / "saved").exists() for job in jobs)


@pytest.mark.parametrize(
    ("options", "problem"),
    [({"workers": 0}, "workers: must be a whole number of at least 1, got 0"), ({"devices": "0"}, "devices: ")],
)
def test_bad_options_are_refused(options, problem):
    with pytest.raises(ConfigError, match=problem):
        structure(options, ProcessesEngine)
