"""The memory of a process does not include that of the process that started it."""

import subprocess
import sys

import numpy as np

from gmcore.training.memory import process_memory

ASK = "from gmcore.training.memory import process_memory; m = process_memory(); print(m.active, m.peak, m.total)"


def test_a_large_array_is_counted():
    before = process_memory().active
    held = np.ones(20_000_000)
    now = process_memory()
    assert now.active - before > 0.9 * held.nbytes
    assert now.active <= now.peak <= now.total


def test_without_proc_the_peak_is_that_of_the_system_call(monkeypatch):
    """On Linux it is in KiB, and may be that of the process that started this one, so only its size is known."""
    exact = process_memory()
    monkeypatch.setattr("gmcore.training.memory._linux_sizes", dict)
    found = process_memory()
    assert found.active == found.peak
    assert 0.5 * exact.peak < found.peak < 1000 * exact.peak


def test_a_process_does_not_inherit_the_peak_of_the_one_that_started_it():
    held = np.ones(40_000_000)
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    active, peak, total = map(int, done.stdout.split())
    assert 0 < active <= peak < held.nbytes < total
