"""`gmcore replay`: identical results, different results with their causes, and runs that can't be replayed."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from gmcore.cli.root import gmcore
from gmcore.storage.files import write_whole

RUN = """
[data]
use = "csv"
path = "rows.csv"
target = "y"

[model]
use = "mlp"
hidden = [4]

[training]
max_epochs = 3
members_per_chunk = 2

[validation]
use = "kfold"
n_splits = 3
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train and cross-validate once for all tests."""
    place = tmp_path_factory.mktemp("finished")
    points = np.random.default_rng(0).normal(size=(60, 2))
    lines = [f"{a},{b},{'yes' if a > b else 'no'}" for a, b in points]
    (place / "rows.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    (place / "run.toml").write_text(RUN)
    for command in ("train", "validate"):
        done = CliRunner().invoke(gmcore, [command, str(place / "run.toml"), "--runs", str(place / command)])
        assert done.exit_code == 0, done.stderr
    return place


@pytest.fixture
def ran(finished, tmp_path):
    """Return a copy of a finished run's folder."""

    def copy(command="train"):
        (folder,) = (finished / command).iterdir()
        return shutil.copytree(folder, tmp_path / command)

    return copy


def edited(path, change):
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def resealed(config, text):
    """Edit the configuration of a run, and its checksum."""
    config.write_text(text)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    edited(config.with_name("provenance.json"), lambda told: told.update(config_sha256=checksum))


@pytest.mark.parametrize("command", ["train", "validate"])
def test_a_run_replays_to_the_same_bits_and_its_folder_is_only_read(command, ran, call):
    folder = ran(command)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = call("replay", folder, "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["same"]
    assert report["replayed"] is None
    assert report["differences"] == report["made_of"] == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_the_new_run_is_kept_where_that_is_asked_for(ran, report, tmp_path):
    told = report("replay", ran(), "--runs", tmp_path / "again")
    (folder,) = (tmp_path / "again").iterdir()
    assert told["replayed"] == str(folder)
    assert (folder / "model.safetensors").read_bytes() == (tmp_path / "train" / "model.safetensors").read_bytes()


def test_other_bits_are_named_from_the_first_epoch_on(ran, call):
    folder = ran()
    config = folder / "config.toml"
    resealed(config, config.read_text().replace("learning_rate = 0.001", "learning_rate = 0.0011"))
    done = call("replay", folder, "--json")
    assert done.exit_code == 1, done.stderr
    told = json.loads(done.stdout)
    assert not told["same"]
    names = [one["what"] for one in told["differences"]]
    assert names[0].startswith("epoch 1 of members [0]: ")
    assert "sha256 of model.safetensors" in names
    assert "sha256 of the training of members [0]" in names
    assert "train.loss" in names
    assert "the cause is something else" in done.stderr


@pytest.mark.parametrize(
    "change", [lambda lines: lines[:-1], lambda lines: [*lines, lines[-1]]], ids=["one less", "one more"]
)
def test_another_number_of_epochs_is_a_difference(change, ran, call):
    folder = ran()
    log = folder / "metrics.jsonl"
    lines = change(log.read_text().splitlines(keepends=True))
    log.write_text("".join(lines))
    done = call("replay", folder, "--json")
    assert done.exit_code == 1, done.stderr
    expected = {"what": "number of logged epochs", "then": len(lines), "now": 3}
    assert json.loads(done.stdout)["differences"] == [expected]


def test_a_fold_that_came_to_something_else_is_named(ran, call):
    folder = ran("validate")
    edited(folder / "result.json", lambda told: told["folds"][1].update(loss=0.25))
    done = call("replay", folder)
    assert done.exit_code == 1
    assert "fold 1.loss: 0.25 then, " in done.stderr


def test_changed_data_is_told_with_both_hashes_and_nothing_is_trained(ran, call, finished, tmp_path):
    folder = ran()
    config, rows = folder / "config.toml", tmp_path / "other.csv"
    rows.write_text((finished / "rows.csv").read_text().replace("yes", "no", 1))
    resealed(config, config.read_text().replace(str(finished / "rows.csv"), str(rows)))
    done = call("replay", folder, "--runs", tmp_path / "again", "--json")
    assert done.exit_code == 1
    (found,) = [one for one in json.loads(done.stdout)["differences"] if one["what"] == "sha256 of the data"]
    assert len(found["then"]) == len(found["now"]) == 64
    assert not (tmp_path / "again").exists()


def test_what_it_is_made_of_is_compared(ran, call):
    folder = ran()

    def older(told):
        told["packages"]["numpy"] = "1.0.0"
        told["environment"]["threads"] = 512
        told["environment"]["variables"]["OMP_NUM_THREADS"] = "77"

    edited(folder / "provenance.json", older)
    done = call("replay", folder)
    assert done.exit_code == 0, done.stderr
    assert f"packages.numpy: 1.0.0 then, {np.__version__} now" in done.stderr
    assert "environment.threads: 512 then, " in done.stderr
    assert "environment.variables.OMP_NUM_THREADS: 77 then, none now" in done.stderr


def test_another_version_explains_other_bits(ran, call):
    folder = ran()
    edited(folder / "provenance.json", lambda told: told["packages"].update(numpy="1.0.0"))
    model = bytearray((folder / "model.safetensors").read_bytes())
    model[-1] ^= 1
    write_whole(folder / "model.safetensors", bytes(model))
    done = call("replay", folder)
    assert done.exit_code == 1
    assert "sha256 of model.safetensors: " in done.stderr
    assert "the environment differs, which may be the cause:" in done.stderr
    assert f"packages.numpy: 1.0.0 then, {np.__version__} now" in done.stderr


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: edited(folder / "status.json", lambda told: told.update(status="failed")), "status failed"),
        (lambda folder: edited(folder / "provenance.json", lambda told: told.update(command="search")), "search"),
        (
            lambda folder: edited(folder / "provenance.json", lambda told: told.update(format=99)),
            "later version of gmcore",
        ),
        (lambda folder: (folder / "provenance.json").write_text("[]"), "not a run folder"),
        (lambda folder: (folder / "provenance.json").unlink(), "not a run folder"),
        (lambda folder: (folder / "config.toml").unlink(), "config.toml"),
        (lambda folder: (folder / "config.toml").write_text("seed = 4"), "is damaged or was edited"),
        (lambda folder: (folder / "result.json").write_text("[]"), "result.json, which is damaged"),
        (lambda folder: (folder / "result.json").write_text("[" * 100_000), "result.json, which is damaged"),
        (lambda folder: (folder / "metrics.jsonl").write_text("{}\n"), "metrics.jsonl, which is damaged"),
        (lambda folder: (folder / "metrics.jsonl").write_text("3\n"), "metrics.jsonl, which is damaged"),
        (lambda folder: (folder / "result.json").unlink(), "result.json"),
        (lambda folder: (folder / "metrics.jsonl").write_text("{"), "metrics.jsonl"),
    ],
)
def test_what_cannot_be_replayed_is_refused(spoil, message, ran, call):
    folder = ran()
    spoil(folder)
    done = call("replay", folder)
    assert done.exit_code == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
