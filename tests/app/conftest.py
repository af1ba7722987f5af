"""A small real CSV and a run file beside it."""

import csv

import numpy as np
import pytest

import gmcore
from gmcore.testing.fakes import two_moons

RUN = """
seed = 7

[data]
use = "csv"
path = "moons.csv"
target = "moon"

[model]
use = "mlp"
hidden = [8]

[training]
max_epochs = 4
batch_size = 16
optimizer = { use = "adamw", learning_rate = 1e-2 }
early_stopping = { patience = 2, fraction = 0.2 }

[validation]
use = "kfold"
n_splits = 3

[metrics]
use = ["accuracy", "log_loss"]
"""


@pytest.fixture
def run_file(tmp_path):
    rows = two_moons(120, seed=1)
    with (tmp_path / "moons.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y", "moon"])
        names = np.array(rows.schema.target.classes)[rows.targets]
        writer.writerows([*point, name] for point, name in zip(rows.inputs["numeric"].tolist(), names, strict=True))
    path = tmp_path / "moons.toml"
    path.write_text(RUN)
    return path


@pytest.fixture
def edited(run_file):
    """Return the run file after replacing some of its text."""

    def edit(old, new):
        assert old in RUN
        run_file.write_text(RUN.replace(old, new))
        return run_file

    return edit


@pytest.fixture
def registered():
    """Give a function that registers a model provider's class for the length of a test."""
    names = []

    def register(name, cls):
        gmcore.float32.model_providers.register(name, cls)
        names.append(name)

    yield register
    for name in names:
        gmcore.float32.model_providers.unregister(name)
