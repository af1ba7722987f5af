"""A run in a process of its own, killed and gone on with: the same bytes as one that nobody stopped."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gmcore.cli.root import gmcore as command_line

RUN = """
seed = 3
backend = {{ use = "{backend}", device = "cpu" }}

[data]
use = "csv"
path = "rows.csv"
target = "y"

[model]
use = "mlp"
hidden = [8]
dropout = 0.2

[training]
max_epochs = 20
batch_size = 8
early_stopping = {{ patience = 30, metric = "roc_auc", alpha = 0.5 }}
average = {{ kind = "ema", decay = 0.9, start_epoch = 2 }}
schedules = {{ dropout = {{ use = "cosine" }} }}
clip_norm = 1.0
gradient_norms = true
checkpoint = {{ seconds = inf, every_steps = 5, every_epochs = 1 }}
members_per_chunk = 2

[validation]
use = "kfold"
n_splits = 3
"""


@pytest.fixture(params=["metal", pytest.param("jax", marks=pytest.mark.slow)])
def run_file(request, tmp_path):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(120, 3))
    days = ["" if day % 9 == 0 else f"{day % 28 + 1}.{day % 12 + 1}.2024" for day in range(120)]
    lines = [
        f"{a},{b},{c},{day},{'yes' if a + b * c > 0 else 'no'}" for (a, b, c), day in zip(points, days, strict=True)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,c,day,y", *lines]) + "\n")
    (tmp_path / "run.toml").write_text(RUN.format(backend=request.param))
    return tmp_path / "run.toml"


def gmcore(*arguments, check=True):
    """Run a command in this process, which did not begin the run that it resumes."""
    done = CliRunner().invoke(command_line, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert not check or done.exit_code == 0, done.stderr
    return done


def started(command, run_file, runs):
    arguments = [sys.executable, "-m", "gmcore", command, str(run_file), "--runs", str(runs)]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_checkpoints(runs, process, count):
    """Wait until so many checkpoints have been seen, by name, or the process is over."""
    seen = set()
    while process.poll() is None and len(seen) < count:
        seen |= {path.name for path in Path(runs).glob("*/checkpoints/chunk-*")}
        time.sleep(0.002)
    return seen


def scores(report):
    return [(fold["loss"], fold["best_epoch"], fold["epochs"]) for fold in report["folds"]]


def test_a_killed_cross_validation_ends_in_the_same_scores(run_file, tmp_path):
    whole = json.loads(gmcore("validate", run_file, "--runs", tmp_path / "whole").stdout)
    process = started("validate", run_file, tmp_path / "killed")
    wait_for_checkpoints(tmp_path / "killed", process, 6)
    process.kill()
    process.wait()
    (folder,) = (tmp_path / "killed").iterdir()
    resumed = json.loads(gmcore("resume", folder).stdout)
    assert scores(resumed) == scores(whole)


def test_a_stopped_run_says_so_and_goes_on(run_file, tmp_path):
    whole = Path(json.loads(gmcore("train", run_file, "--runs", tmp_path / "whole").stdout)["model"]).read_bytes()
    process = started("train", run_file, tmp_path / "stopped")
    wait_for_checkpoints(tmp_path / "stopped", process, 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    (folder,) = (tmp_path / "stopped").iterdir()
    assert json.loads((folder / "status.json").read_text())["status"] == "cancelled"
    gmcore("resume", folder)
    assert (folder / "model.safetensors").read_bytes() == whole
    again = gmcore("resume", folder, check=False)
    assert again.exit_code == 2
    assert "has finished, so it can't be resumed" in again.stderr


def test_changed_data_is_refused_with_both_hashes(run_file, tmp_path):
    process = started("train", run_file, tmp_path / "runs")
    wait_for_checkpoints(tmp_path / "runs", process, 1)
    process.kill()
    process.wait()
    (folder,) = (tmp_path / "runs").iterdir()
    rows = run_file.with_name("rows.csv")
    rows.write_text(rows.read_text().replace("yes", "no", 1))
    refused = gmcore("resume", folder, check=False)
    assert refused.exit_code == 2
    assert "the data changed since the run began: sha256 was" in refused.stderr
    assert "Traceback" not in refused.stderr
    allowed = gmcore("resume", folder, "--allow-changed-data")
    assert "the result will differ from that of the original data" in allowed.stderr


def test_what_is_no_run_folder_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    refused = gmcore("resume", tmp_path / "empty", check=False)
    assert refused.exit_code == 2
    assert "is not a run folder" in refused.stderr
