"""A search whose jobs run in two processes ends in the bytes of one process, whichever process is killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

RUN = """
seed = 3
backend = {{ use = "{backend}", device = "cpu" }}
{engine}

[data]
use = "csv"
path = "rows.csv"
target = "y"

[model]
use = "mlp"
hidden = [8]

[training]
max_epochs = {epochs}
batch_size = 16
members_per_chunk = 3
checkpoint = {{ seconds = inf, every_epochs = 1 }}

[validation]
use = "kfold"
n_splits = 3

[search.space]
"training.optimizer.learning_rate" = [0.01, 0.03]
"model.dropout" = [0.0, 0.2]
"""
pytestmark = pytest.mark.slow

PROCESSES = 'engine = { use = "processes", workers = 2 }'
DEADLINE = 240.0


@pytest.fixture(params=["jax", "metal"])
def search(request, tmp_path):
    """Return a function that starts a search in a folder of its own, with an engine and a number of epochs."""
    rng = np.random.default_rng(0)
    lines = [",".join([*map(str, point), str(point @ [1, -2, 0.5])]) for point in rng.normal(size=(90, 3))]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")

    started = []

    def start(runs, engine, epochs):
        (tmp_path / "run.toml").write_text(RUN.format(backend=request.param, engine=engine, epochs=epochs))
        command = [sys.executable, "-m", "gmcore", "search", str(tmp_path / "run.toml"), "--runs", str(tmp_path / runs)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:  # of a test that failed
        if process.poll() is None:
            process.kill()
            process.communicate()


def finished(process):
    stdout, stderr = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, stderr
    assert stdout == ""
    return stderr


def digests(runs):
    """Return the hashes of what a search leaves, but times."""
    (folder,) = runs.iterdir()
    assert json.loads((folder / "status.json").read_text())["status"] == "done"
    names = ("trials.json", "model.safetensors", "metrics.jsonl")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def wait_for(runs, pattern, process):
    """Wait until a file exists, and return the run folder."""
    deadline = time.monotonic() + DEADLINE
    while not (found := next(runs.glob(f"*/{pattern}"), None)):
        assert process.poll() is None, "the search ended before it could be killed"
        assert time.monotonic() < deadline, f"no {pattern} appeared"
        time.sleep(0.002)
    return found


def workers_of(process):
    """Return the ids of the processes that a process has started."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def test_a_search_in_two_processes_ends_in_the_bytes_of_one(search, tmp_path):
    finished(search("here", "", 4))
    finished(search("there", PROCESSES, 4))
    assert digests(tmp_path / "there") == digests(tmp_path / "here")
    (folder,) = (tmp_path / "there").iterdir()
    assert len(list(folder.glob("checkpoints/group-*/job-*"))) == 4


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from /proc")
def test_the_job_of_a_killed_worker_is_taken_over(search, tmp_path):
    finished(search("here", "", 60))
    process = search("there", PROCESSES, 60)
    wait_for(tmp_path / "there", "checkpoints/group-*/job-*/chunk-*", process)
    before = workers_of(process)
    os.kill(before[0], signal.SIGKILL)
    finished(process)
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("place", ["group-00000/job-00001/chunk-*", "group-00001/job-*/chunk-*", "winner/chunk-*"])
def test_a_stopped_search_is_resumed_to_the_same_bytes(search, tmp_path, place, number):
    finished(search("here", "", 60))
    process = search("there", PROCESSES, 60)
    wait_for(tmp_path / "there", f"checkpoints/{place}", process)
    workers = workers_of(process)
    assert workers or place.startswith("winner")
    process.send_signal(number)
    process.communicate(timeout=DEADLINE)
    deadline = time.monotonic() + DEADLINE
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "a worker has outlived its parent"
        time.sleep(0.01)
    (folder,) = (tmp_path / "there").iterdir()
    command = [sys.executable, "-m", "gmcore", "resume", str(folder)]
    finished(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    assert digests(tmp_path / "there") == digests(tmp_path / "here")
