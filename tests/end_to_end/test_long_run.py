"""Ten thousand steps: nothing is compiled after the first epoch, memory stays, and the host reads once an epoch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc"),
]


@pytest.mark.parametrize("backend", ["metal", "jax"])
def test_ten_thousand_steps_cost_no_more_than_the_first(backend):
    script = Path(__file__).with_name("long_run.py")
    command = [sys.executable, "-W", "error", script, backend, "10000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["epochs"] == 200
    assert told["reads"] <= told["epochs"]
    early, *later = told["seen"]
    assert {moment["compilations"] for moment in later} == {early["compilations"]}
    assert len(later) >= 10
    # Once, a megabyte is taken in the first seconds, when new kernels are shared with other processes.
    assert later[-1]["resident"] / early["resident"] < 1.03, later
    settled, *last = later[len(later) // 2 :]
    held = [moment["resident"] / settled["resident"] for moment in last]
    assert max(held) < 1.005, held
