import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN_FILE = """
[data]
use = "circles"
rows_per_class = 40

[model]
use = "mlp"
hidden = [4]

[training]
max_epochs = 3

[metrics]
use = ["confidence", "accuracy"]

[hooks]
use = [{ use = "diary", path = "diary.txt" }]
"""


@pytest.fixture(scope="module")
def outside(installed_outside) -> Path:
    return installed_outside("gm_circles")


@pytest.fixture
def gmcore(outside, tmp_path):
    """Give a function that runs the command with the plugin installed, and returns its JSON."""

    def run(*arguments: str) -> dict:
        command = [sys.executable, "-m", "gmcore", *arguments, "--json"]
        environment = {**os.environ, "PYTHONPATH": str(outside)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_an_outside_plugin_is_listed_with_its_distribution_and_version(gmcore):
    found = [entry for entry in gmcore("plugins", "list")["plugins"] if entry["distribution"] == "gm-circles"]
    assert [(entry["port"], entry["name"], entry["version"], entry["state"]) for entry in found] == [
        ("data_providers", "circles", "3.1.4", "loaded"),
        ("metric_computers", "confidence", "3.1.4", "loaded"),
        ("hooks", "diary", "3.1.4", "loaded"),
    ]


def test_an_outside_plugin_is_used_by_name_from_a_run_file(gmcore, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "run.toml").write_text(RUN_FILE)
    done = gmcore("train", "elsewhere/run.toml")
    assert done["epochs"] == 3
    assert 0.5 <= done["validation"]["confidence"] <= 1
    assert (tmp_path / "elsewhere" / "diary.txt").read_text().splitlines() == [
        "epoch 1",
        "epoch 2",
        "epoch 3",
        "train is done",
    ]
