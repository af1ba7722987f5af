"""`[training] precision`: set in one place, recorded, and kept when a run or a model is opened again."""

import json
import pickle
import tomllib

import numpy as np
import pytest

import gmcore
from gmcore.app import open_run
from gmcore.errors import ConfigError
from gmcore.testing.fakes import two_moons

SETTINGS = {"max_epochs": 2, "batch_size": 16, "precision": "bfloat16"}


def trained(run_file, tmp_path, name, **settings):
    table = {"use": name, "device": "cpu"} | settings
    return gmcore.train(run_file, backend=table, training=SETTINGS, runs=tmp_path / "runs")


@pytest.mark.parametrize("name", ["metal", "jax"])
def test_a_run_records_its_precision_and_opens_again_with_it(run_file, tmp_path, name):
    folder = trained(run_file, tmp_path, name).folder
    assert json.loads((folder / "provenance.json").read_text())["compute"]["compute"] == "bfloat16"
    assert tomllib.loads((folder / "config.toml").read_text())["training"]["precision"] == "bfloat16"
    assert open_run(folder / "config.toml").chosen.backend.compute == "bfloat16"


def test_a_backends_own_options_are_recorded(run_file, tmp_path):
    folder = trained(run_file, tmp_path, "jax", tf32=True, autotune=True, batch_invariant=False).folder
    table = tomllib.loads((folder / "config.toml").read_text())["backend"]
    assert table == {"use": "jax", "device": "cpu", "tf32": True, "autotune": True, "batch_invariant": False}


def test_a_loaded_or_copied_model_predicts_as_after_training(run_file, tmp_path):
    done = trained(run_file, tmp_path, "jax")
    rows = two_moons(30, seed=5).inputs["numeric"]
    copied = pickle.loads(pickle.dumps(done.model))  # noqa: S301 - our own bytes
    for again in (gmcore.load(done.folder, backend="jax"), copied):
        assert again.backend.compute == "bfloat16"
        np.testing.assert_array_equal(again.predict_proba(rows), done.model.predict_proba(rows))


def test_the_default_precision_is_the_dtype(run_file):
    for dtype in ("float32", "float64"):
        run = open_run(run_file, settings={"dtype": dtype, "backend": {"use": "jax", "device": "cpu"}})
        assert run.chosen.backend.compute == dtype


def test_auto_selects_a_backend_that_supports_the_precision(run_file):
    run = open_run(run_file, settings={"training": SETTINGS})
    assert run.chosen.backend.compute == "bfloat16"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"dtype": "float64", "training": SETTINGS},
            'training.precision: can\'t be set with dtype = "float64": remove it, or set dtype = "float32"',
        ),
        (
            {"training": {"precision": "half"}},
            "training.precision: must be 'float32' or 'bfloat16' or 'float16', got 'half'",
        ),
        (
            {"backend": {"use": "jax", "compute": "bfloat16"}},
            "backend.compute: must be set in [training], as precision",
        ),
    ],
)
def test_an_unsupported_precision_is_one_problem(run_file, settings, problem):
    with pytest.raises(ConfigError) as caught:
        open_run(run_file, settings=settings)
    assert list(caught.value.problems) == [problem]


def test_a_backend_object_must_have_the_precision(run_file):
    backend = gmcore.float32.backends.create("jax", device="cpu")
    with pytest.raises(ConfigError, match="the given backend multiplies matrices in float32"):
        open_run(run_file, settings={"training": SETTINGS, "backend": backend})


def test_trials_of_a_search_share_the_precision(run_file):
    space = {"training.precision": ["float32", "bfloat16"]}
    with pytest.raises(ConfigError, match="precision: must be the same for all trials, since they share the backend"):
        gmcore.search(run_file, backend={"use": "jax", "device": "cpu"}, search={"space": space})
