"""Training and cross-validating: what comes back, and what a run folder tells."""

import datetime as dt
import json
import tomllib

import attrs
import numpy as np
import pytest
from sklearn.model_selection import ShuffleSplit

import gmcore
from gmcore.app import open_run
from gmcore.app.commands.fit import plain_member
from gmcore.domain import Cancellation, Hooks
from gmcore.errors import Cancelled, ConfigError, DataError, GmcoreError, TrainingError
from gmcore.ports import ModelProvider
from gmcore.storage.model_file import read_model, write_model
from gmcore.testing.fakes import TinyModel, two_moons

SMALL = {"max_epochs": 3, "batch_size": 32}
QUICK = {"max_epochs": 60, "batch_size": 16, "optimizer": {"use": "adam", "learning_rate": 0.02}}


def test_training_leaves_a_folder_that_tells_everything(run_file, tmp_path):
    done = gmcore.train(run_file, runs=tmp_path / "runs")
    names = {path.name for path in done.folder.iterdir()}
    written = {"config.toml", "provenance.json", "status.json", "metrics.jsonl", "result.json", "model.safetensors"}
    assert names == written | {"checkpoints"}
    assert json.loads((done.folder / "status.json").read_text()) == {"status": "done"}
    assert len((done.folder / "metrics.jsonl").read_text().splitlines()) == done.result.epochs
    facts = json.loads((done.folder / "provenance.json").read_text())
    assert facts["seed"] == 7
    assert len(facts["data"]["sha256"]) == 64
    assert "gm-csv-data" in facts["plugins"]
    report = json.loads((done.folder / "result.json").read_text())
    assert report["validation"]["accuracy"] == pytest.approx(done.validation.metrics["accuracy"])


@attrs.frozen(kw_only=True)
class DatedModelProvider(ModelProvider):
    """A provider with an option that JSON can't say."""

    since: dt.date

    def create(self, schema):
        return TinyModel(schema=schema)


def test_an_option_that_a_model_file_cannot_keep_is_refused_before_training(run_file, tmp_path, registered):
    begun = []
    registered("dated", DatedModelProvider)
    with pytest.raises(ConfigError, match=r"^model\.since: can't be stored in a model file: .*got datetime"):
        gmcore.train(
            run_file,
            runs=tmp_path / "runs",
            model=DatedModelProvider(since=dt.date(2026, 1, 2)),
            hooks=Hooks(fit_start=(begun.append,)),
        )
    assert begun == []
    done = gmcore.train(run_file, model=DatedModelProvider(since=dt.date(2026, 1, 2)))
    assert done.result.epochs > 0


def test_the_resolved_configuration_trains_the_same_model(run_file, tmp_path):
    run_file.write_text(run_file.read_text().partition("[metrics]")[0])
    done = gmcore.train(run_file, runs=tmp_path / "runs")
    resolved = done.folder / "config.toml"
    tables = tomllib.loads(resolved.read_text())
    assert tables["model"]["hidden"] == [8]
    assert {"use": "balanced_accuracy"} in tables["metrics"]["use"]
    again = gmcore.train(resolved, runs=tmp_path / "runs")
    for one, other in zip(weights(again), weights(done), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_same_seed_gives_the_same_file_and_another_seed_another(run_file, tmp_path):
    first, again = (gmcore.train(run_file, runs=tmp_path) for _ in range(2))
    other = gmcore.train(run_file, runs=tmp_path, seed=8)
    content = [(done.folder / "model.safetensors").read_bytes() for done in (first, again, other)]
    assert content[0] == content[1]
    assert content[0] != content[2]


def test_a_saved_model_predicts_what_the_trained_one_did(run_file, tmp_path):
    done = gmcore.train(run_file, runs=tmp_path)
    loaded = gmcore.load(done.folder)
    assert (loaded.seed, loaded.reading) == (7, done.model.reading)
    points = two_moons(30, seed=5).inputs["numeric"]
    np.testing.assert_array_equal(loaded.predict_proba(points), done.model.predict_proba(points))
    assert set(loaded.predict(points)) <= {"upper", "lower"}
    read = loaded.read(run_file.with_name("moons.csv"))
    assert len(read) == 120


def test_a_model_saved_before_an_option_existed_predicts_the_same(run_file, tmp_path):
    done = gmcore.train(run_file, runs=tmp_path)
    variables, header = read_model(done.folder / "model.safetensors")
    told = {name: value for name, value in header["model"].items() if name != "initialization"}
    assert told != header["model"]
    about = {name: value for name, value in header.items() if name not in ("format", "schema")} | {"model": told}
    write_model(tmp_path / "older.safetensors", variables, schema=done.model.schema, **about)
    points = two_moons(30, seed=5).inputs["numeric"]
    older = gmcore.load(tmp_path / "older.safetensors")
    np.testing.assert_array_equal(older.predict_proba(points), done.model.predict_proba(points))


def test_arrays_go_in_and_come_out():
    rows = two_moons(150)
    points, sides = rows.inputs["numeric"], rows.targets
    done = gmcore.train(points, sides, model={"use": "mlp", "hidden": [8]}, training=QUICK)
    assert done.folder is None
    assert done.model.predict(points).shape == (150,)
    assert (done.model.predict(points).astype(int) == sides).mean() > 0.85


def test_values_are_predicted_in_their_own_units():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 3))
    values = 1000 + 50 * points[:, 0] - 20 * points[:, 1]
    done = gmcore.train(points, values, training=QUICK)
    assert done.validation.metrics["r2"] > 0.95
    assert done.model.predict(points).shape == (300,)
    with pytest.raises(DataError, match="use predict"):
        done.model.predict_proba(points)


def test_objects_do_as_well_as_names():
    rows = two_moons(150)
    splitter = ShuffleSplit(n_splits=2, test_size=0.3, random_state=0)

    class Provider:
        def create(self, schema):
            return TinyModel(schema=schema)

    done = gmcore.cross_validate(
        rows.inputs["numeric"], rows.targets, model=Provider(), validation=splitter, training=SMALL
    )
    assert [fold.validation.n_samples for fold in done.result.folds] == [45, 45]


def test_cross_validation_reports_every_fold(run_file, tmp_path):
    done = gmcore.cross_validate(run_file, runs=tmp_path)
    report = done.report
    assert [fold["index"] for fold in report["folds"]] == [0, 1, 2]
    losses = [fold["loss"] for fold in report["folds"]]
    assert report["mean"]["loss"] == pytest.approx(np.mean(losses))
    assert report["std"]["loss"] == pytest.approx(np.std(losses))
    assert set(report["mean"]) == {"loss", "accuracy", "log_loss"}
    assert report["mean"]["log_loss"] == pytest.approx(report["mean"]["loss"], rel=1e-5)


def test_test_rows_are_in_no_fold(run_file):
    tables = tomllib.loads(run_file.read_text())
    tables["data"] |= {"path": str(run_file.with_name("moons.csv")), "test": {"fraction": 0.25}}
    run = open_run(tables)
    held = [fold.validation for fold in run.folds()]
    assert np.intersect1d(run.split.test, np.concatenate([fold.train for fold in run.folds()])).size == 0
    kept = np.setdiff1d(np.arange(120), run.split.test)
    np.testing.assert_array_equal(np.sort(np.concatenate(held)), kept)
    scored = gmcore.cross_validate(tables).result.folds
    assert [fold.validation.n_samples for fold in scored] == [30, 30, 30]


def test_the_rows_that_stop_a_training_are_the_configured_share_drawn_with_the_seed(run_file):
    tables = tomllib.loads(run_file.read_text())
    tables["data"] |= {"path": str(run_file.with_name("moons.csv")), "validation": {"fraction": 0.0}}
    for fraction, rows in ((0.3, 36), (0.1, 12)):
        stopping = {"max_epochs": 1, "early_stopping": {"fraction": fraction}}
        done = gmcore.train(tables, training=stopping)
        assert (done.train.n_samples, done.validation.n_samples) == (120 - rows, rows)
    first, again, other = (plain_member(open_run(tables, settings={"seed": seed})).stop for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert set(first.tolist()) != set(other.tolist())


def test_both_dtypes_agree_after_the_first_epoch(run_file):
    losses = [
        gmcore.cross_validate(run_file, dtype=dtype).result.folds[0].training.history["train_loss"][0]
        for dtype in ("float32", "float64")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0] != losses[1]


def test_bad_input_leaves_no_folder(run_file, tmp_path):
    with pytest.raises(ConfigError):
        gmcore.train(run_file, runs=tmp_path / "runs", model={"use": "mlp", "hidden": [0]})
    with pytest.raises(DataError, match="folds"):
        gmcore.cross_validate(run_file, runs=tmp_path / "runs", validation={"use": "kfold", "n_splits": 500})
    assert not (tmp_path / "runs").exists()


def test_a_stopped_run_says_so(run_file, tmp_path):
    cancellation = Cancellation()
    cancellation.cancel(15)
    with pytest.raises(Cancelled):
        gmcore.train(run_file, runs=tmp_path / "runs", cancellation=cancellation)
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "status.json").read_text())["status"] == "cancelled"


def test_a_failed_run_says_so_and_tells_its_hooks(run_file, tmp_path):
    failures = []
    training = {"max_epochs": 3, "optimizer": {"use": "sgd", "learning_rate": 1e30}}
    with pytest.raises(TrainingError, match="lower the learning rate"):
        gmcore.train(run_file, runs=tmp_path / "runs", training=training, hooks=Hooks(run_error=(failures.append,)))
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "status.json").read_text())["status"] == "failed"
    assert isinstance(failures[0].error, GmcoreError)


def weights(done):
    params = done.model.variables.params
    found = []

    def collect(tree):
        for child in tree.values():
            collect(child) if isinstance(child, dict) else found.append(child)

    collect(params)
    return found
