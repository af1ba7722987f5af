"""Runs that SIGKILL ends at random moments come to the same bits; `make torture` does more of it."""

import subprocess
import sys
from pathlib import Path

import pytest

TORTURE = Path(__file__).with_name("torture.py")


@pytest.mark.parametrize("case", ["train on metal", "train on jax", "validate on metal", "validate on jax"])
def test_runs_that_are_killed_come_to_the_same_bits(case):
    command = [sys.executable, "-W", "error", TORTURE, "--kills", "5", "--seed", "2026", "--case", case]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{case}: 5 kills" in done.stdout
