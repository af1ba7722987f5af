"""A misspelt keyword argument fails in the type checker too."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

CODE = """
import gmcore

X, y = [[1.0], [2.0]], ["a", "b"]
gmcore.train(X, y, model="mlp", training={"max_epochs": 3}, metrics=["accuracy"], hooks=["progress"])
gmcore.train(X, y, modle="mlp")
gmcore.cross_validate(X, y, training={"max_epoch": 3})
gmcore.search(X, y, seed="7")
"""


def test_misspelt_arguments_and_entries_are_found_by_mypy(tmp_path):
    (tmp_path / "script.py").write_text(CODE)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(tmp_path / "script.py")]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    errors = [line.partition("script.py:")[2] for line in found if ": error:" in line]
    assert [error.partition(":")[0] for error in errors] == ["6", "7", "8"], found
    assert 'Unexpected keyword argument "modle"' in errors[0]
    assert '"max_epoch"' in errors[1]
    assert '"seed"' in errors[2]
