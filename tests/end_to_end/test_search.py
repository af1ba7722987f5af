"""A search in a process of its own: the example finds good settings, and a killed one goes on to the same bytes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "diabetes"

KILLED = """
seed = 3
backend = {{ use = "metal", device = "cpu" }}

[data]
use = "csv"
path = "{data}"
target = "progression"

[model]
use = "mlp"
hidden = [8]

[training]
max_epochs = 12
batch_size = 32
members_per_chunk = 4
checkpoint = {{ seconds = inf, every_steps = 3, every_epochs = 1 }}

[validation]
use = "kfold"
n_splits = 3

[metrics]
use = ["r2"]

[search.space]
"training.optimizer.learning_rate" = [0.01, 0.03]
"model.dropout" = [0.0, 0.2]
"""


def gmcore(*arguments):
    command = [sys.executable, "-m", "gmcore", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_example_finds_settings_that_hold_on_rows_that_nothing_saw(tmp_path):
    told = gmcore("search", EXAMPLE / "search.toml", "--runs", tmp_path)
    assert len(told["trials"]) == 20
    assert told["trials"][0]["mean"]["r2"] >= 0.45
    assert told["winner"]["test"]["r2"] >= 0.4
    assert told["trials"][0]["mean"]["r2"] - told["trials"][-1]["mean"]["r2"] > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("place", ["group-00000", "group-00001"])
def test_a_killed_search_ends_in_the_same_bytes(place, tmp_path):
    run_file = tmp_path / "run.toml"
    run_file.write_text(KILLED.format(data=EXAMPLE / "diabetes.csv"))
    whole = gmcore("search", run_file, "--runs", tmp_path / "whole")
    command = [sys.executable, "-m", "gmcore", "search", str(run_file), "--runs", str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not any(tmp_path.glob(f"killed/*/checkpoints/{place}/chunk-00004-*")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (folder,) = (tmp_path / "killed").iterdir()
    assert json.loads((folder / "status.json").read_text())["status"] == "running"
    resumed = gmcore("resume", folder)
    assert resumed["trials"] == whole["trials"]
    assert (folder / "model.safetensors").read_bytes() == Path(whole["winner"]["model"]).read_bytes()
    logs = [(run / "metrics.jsonl").read_text() for run in (folder, Path(whole["run"]))]
    assert logs[0] == logs[1]
