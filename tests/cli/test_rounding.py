"""Columns that the dtype can't represent accurately are reported once, before training, on every backend."""

import json

import numpy as np
import pytest

import gmcore

RUN = """
backend = {{ use = "{backend}", device = "cpu" }}
dtype = "{dtype}"

[data]
use = "csv"
path = "offset.csv"
target = "kind"

[model]
use = "mlp"
hidden = [4]

[training]
max_epochs = 30
batch_size = 16
optimizer = {{ use = "adamw", learning_rate = 0.05 }}

[validation]
use = "kfold"
n_splits = 3

[search.space]
seed = [1, 2]
"""
NOTE = "column 'reading' varies by "


@pytest.fixture
def offset(folder):
    """Write a file whose only informative column is 1e9 ± 1; returns a run file for a backend and dtype."""
    telling = np.random.default_rng(0).normal(size=90)
    lines = [f"{1e9 + x:.7f},{row % 7},{'pq'[int(x > 0)]}" for row, x in enumerate(telling)]
    (folder / "offset.csv").write_text("\n".join(["reading,other,kind", *lines, ""]))

    def write(backend, dtype="float32"):
        if backend not in gmcore.float32.backends:
            pytest.skip(f"{backend} is not installed")
        (folder / "offset.toml").write_text(RUN.format(backend=backend, dtype=dtype))
        return folder / "offset.toml"

    return write


@pytest.mark.parametrize("backend", [pytest.param("metal", marks=pytest.mark.slow), "jax"])
def test_training_tells_it_once_and_is_right_to(offset, call, backend):
    done = call("train", offset(backend), "--json")
    assert done.exit_code == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(NOTE)]
    assert "float32 numbers are 64 apart: no digits of the variation are kept" in line
    assert json.loads(done.stdout)["train"]["accuracy"] < 0.8
    exact = call("train", offset(backend, "float64"), "--json")
    assert exact.exit_code == 0, exact.stderr
    assert NOTE not in exact.stderr
    assert json.loads(exact.stdout)["train"]["accuracy"] > 0.9


@pytest.mark.parametrize("command", ["validate", pytest.param("search", marks=pytest.mark.slow)])
def test_a_fleet_tells_it_once(offset, call, command):
    assert call(command, offset("jax")).stderr.count(NOTE) == 1


def test_check_tells_it_and_has_it_in_json(offset, folder, call, report):
    told = report("check", offset("jax"))["notes"]
    assert [note.startswith(NOTE) for note in told] == [True]
    assert NOTE in call("check", "offset.toml").stderr
    assert report("check", "run.toml")["notes"] == []


def test_code_is_warned(offset):
    with pytest.warns(RuntimeWarning, match=NOTE):
        gmcore.train(offset("jax"))
