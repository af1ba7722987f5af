"""An optimizer, a schedule, a loss and an activation from a distribution of somebody else's, named in a run file."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

RUN_FILE = """
seed = 5
backend = {{ use = "{backend}", device = "cpu" }}

[data]
use = "csv"
path = "rows.csv"
target = "y"

[model]
use = "mlp"
hidden = [8]
activation = "softsign"
loss = {{ use = "modulated", gamma = 1.5 }}

[training]
max_epochs = 40
batch_size = 8
optimizer = {{ use = "signum", learning_rate = 0.003 }}
schedule = {{ use = "warm_up", fraction = 0.1, then = {{ use = "steps", parts = 2, gamma = 0.1 }} }}
checkpoint = {{ seconds = inf, every_steps = 5 }}
"""


@pytest.fixture(scope="module")
def site(installed_outside) -> Path:
    return installed_outside("gm_recipe")


@pytest.fixture(params=["metal", pytest.param("jax", marks=pytest.mark.slow)])
def folder(request, tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{a},{b},{'yes' if a + b > 0 else 'no'}" for a, b in rng.normal(size=(120, 2))]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    (tmp_path / "run.toml").write_text(RUN_FILE.format(backend=request.param))
    return tmp_path


def started(site, folder, *arguments):
    command = [sys.executable, "-m", "gmcore", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def result(process) -> dict:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


@pytest.mark.slow
def test_what_others_publish_is_trained_saved_loaded_and_resumed(site, folder):
    whole = result(started(site, folder, "train", "run.toml", "--runs", "whole", "--json"))
    assert whole["validation"]["accuracy"] > 0.8
    killed = started(site, folder, "train", "run.toml", "--runs", "killed")
    while killed.poll() is None and not list((folder / "killed").glob("*/checkpoints/chunk-*")):
        time.sleep(0.002)
    killed.kill()
    killed.communicate()
    (run,) = (folder / "killed").iterdir()
    resumed = result(started(site, folder, "resume", run, "--json"))
    models = [
        Path(report["model"]) if Path(report["model"]).is_absolute() else folder / report["model"]
        for report in (whole, resumed)
    ]
    assert models[0].read_bytes() == models[1].read_bytes()
    config = (run / "config.toml").read_text()
    assert all(f'use = "{name}"' in config for name in ("signum", "steps", "modulated", "softsign", "warm_up"))
    found = result(started(site, folder, "predict", run, "rows.csv", "--json"))
    assert len(found["predictions"]) == 120


def test_a_model_whose_loss_is_not_installed_says_so(site, folder):
    whole = result(started(site, folder, "train", "run.toml", "--runs", "whole", "--json"))
    without = started(folder, folder, "predict", whole["model"], "rows.csv")
    _, err = without.communicate(timeout=300)
    assert without.returncode == 2
    assert b"model.loss.use: no loss named 'modulated'" in err
    assert b"model.activation.use: no layer named 'softsign'" in err
