"""What a run writes down of itself, and what it means that it can't."""

import json

import pytest

import gmcore
from gmcore.app.records.environment import environment
from gmcore.domain import Hooks
from gmcore.errors import TrainingError


def facts_of(folder):
    return json.loads((folder / "provenance.json").read_text())


def test_provenance_names_all_that_bits_depend_on(run_file, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("HOME_GROWN", "not of interest")
    facts = facts_of(gmcore.train(run_file, runs=tmp_path / "runs").folder)
    assert set(facts["packages"]) >= {"gmcore", "numpy"}
    assert set(facts["plugins"]) >= {"gm-csv-data", "gm-kfold-cv", "gm-mlp-model"}
    assert {"command", "compute", "dtype", "platform", "python", "seed"} <= set(facts)
    assert len(facts["data"]["sha256"]) == len(facts["rows_sha256"]) == 64
    found = facts["environment"]
    assert found["variables"]["OMP_NUM_THREADS"] == "3"
    assert "HOME_GROWN" not in found["variables"]
    assert found["threads"] >= 1
    assert found["processor"]


def test_provenance_is_the_same_for_equal_runs(run_file, tmp_path):
    first, again = (facts_of(gmcore.train(run_file, runs=tmp_path / "runs").folder) for _ in range(2))
    assert first == again
    assert environment() == first["environment"]


def blocked():
    """Give hooks that put a file where the checkpoints would go, once it was looked there for old ones."""
    folders = []

    def block(moment):
        if moment.epoch == 1:
            (folders[0] / "checkpoints").write_text("a file stands here")

    return Hooks(run_start=(lambda moment: folders.append(moment.folder),), epoch_start=(block,))


def every_epoch(on_error):
    return {"max_epochs": 3, "checkpoint": {"seconds": 1e9, "every_epochs": 1, "on_error": on_error}}


def test_a_run_that_shall_go_on_without_checkpoints_warns_and_comes_to_the_same_bytes(run_file, tmp_path):
    with pytest.warns(RuntimeWarning, match=r"cannot write to .*checkpoints.*the run continues without new") as told:
        without = gmcore.train(run_file, runs=tmp_path / "runs", training=every_epoch("continue"), hooks=blocked())
    assert len(told) == 1
    free = gmcore.train(run_file, runs=tmp_path / "runs", training=every_epoch("continue"))
    model, other = (done.folder / "model.safetensors" for done in (without, free))
    assert model.read_bytes() == other.read_bytes()


def test_a_run_that_shall_stop_fails_and_its_folder_says_why(run_file, tmp_path):
    with pytest.raises(
        TrainingError, match=r"cannot write to .*checkpoints.*gmcore resume continues the run"
    ) as caught:
        gmcore.train(run_file, runs=tmp_path / "runs", training=every_epoch("stop"), hooks=blocked())
    (folder,) = (tmp_path / "runs").iterdir()
    told = json.loads((folder / "status.json").read_text())
    assert told["status"] == "failed"
    assert told["message"] == str(caught.value)
