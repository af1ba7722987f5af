"""Runs that SIGKILL ends at random moments come to the same bits; `make torture` does more of it."""

import subprocess
import sys
from pathlib import Path

import pytest

TORTURE = Path(__file__).with_name("torture.py")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "kills"),
    [
        ("train on metal", 4),
        ("train on jax", 4),
        ("validate on metal", 4),
        ("validate on jax", 4),
        ("streamed train on metal", 4),
    ],
)
def test_runs_that_are_killed_come_to_the_same_bits(case, kills):
    command = [sys.executable, "-W", "error", TORTURE, "--kills", str(kills), "--seed", "2026", "--case", case]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{case}: {kills} kills" in done.stdout
