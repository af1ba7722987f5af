"""Damaged inputs lead to one fitting message or to the right result; `make torture` tries ten times as many."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "cases"), [("model_files", 240), ("run_files", 1000), ("run_folders", 140), ("checkpoints", 25)]
)
def test_damaged_input_is_refused_with_one_message_or_changes_nothing(script, cases):
    command = [sys.executable, "-W", "error", Path(__file__).with_name(f"{script}.py"), "--cases", str(cases)]
    done = subprocess.run([*command, "--seed", "2026"], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{cases:,} cases" in done.stdout
