"""A trained model: its labels, its copies, other threads, and what it looks like."""

import copy
import pickle
import threading

import attrs
import joblib
import numpy as np
import pytest

import gmcore
from gmcore.app.records.thread_backend import BackendSettings
from gmcore.app.records.trained_model import TrainedModel
from gmcore.builtins.arrays import ArrayData
from gmcore.errors import DataError

X = np.random.default_rng(0).normal(size=(60, 3))
BACKENDS = ("jax", "metal")


@pytest.fixture(scope="module", params=BACKENDS)
def trained(request):
    sides = (X[:, 0] > 0).astype(np.int16)
    return gmcore.train(X, sides, backend=request.param, seed=3, training={"max_epochs": 60})


@pytest.mark.parametrize("labels", [(X[:, 0] > 0), (X[:, 0] > 0).astype(int), np.where(X[:, 0] > 0, "p", "n")])
def test_predictions_can_be_compared_with_the_labels(labels):
    model = gmcore.train(X, labels, training={"max_epochs": 60}).model
    assert (model.predict(X) == labels).mean() > 0.9


def copied_by(how, tmp_path):
    def through_joblib(model):
        joblib.dump(model, tmp_path / "model.joblib")
        return joblib.load(tmp_path / "model.joblib")

    pickled = lambda model: pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    return {"pickle": pickled, "joblib": through_joblib, "copy": copy.copy, "deepcopy": copy.deepcopy}[how]


@pytest.mark.parametrize("how", ["pickle", "joblib", "copy", "deepcopy"])
def test_a_copy_predicts_the_same_with_the_same_backend(trained, how, tmp_path):
    model = attrs.evolve(trained.model, reading={"use": "csv", "separator": ";"})
    other = copied_by(how, tmp_path)(model)
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    assert other.predict(X).dtype == np.int16
    assert other.backend.name == model.backend.name
    other.save(tmp_path / "other.safetensors")
    model.save(tmp_path / "model.safetensors")
    assert gmcore.load(tmp_path / "model.safetensors").seed == other.seed == 3
    assert other.reading == model.reading
    assert (tmp_path / "other.safetensors").read_bytes() == (tmp_path / "model.safetensors").read_bytes()


def test_a_model_reads_csv_files_unless_told_otherwise(trained):
    parts = {name: getattr(trained.model, name) for name in ("model", "variables", "backend", "provider")}
    model = TrainedModel(**parts)
    assert (model.reading, model.seed) == ({"use": "csv"}, 0)
    np.testing.assert_array_equal(model.predict(X), trained.model.predict(X))


def test_a_deep_copy_has_weights_of_its_own(trained):
    other = copy.deepcopy(trained.model)
    ours, theirs = (next(iter(one.variables.params["head"].values())) for one in (trained.model, other))
    assert not np.shares_memory(ours, theirs)


def test_results_can_be_pickled(trained):
    other = pickle.loads(pickle.dumps(trained))  # noqa: S301 - our own bytes
    assert other.report == trained.report


def in_threads(count, work):
    results, errors = [], []

    def run():
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    return results


def test_any_thread_predicts_the_same(trained):
    expected = trained.model.predict_proba(X)
    for found in in_threads(4, lambda: [trained.model.predict_proba(X) for _ in range(3)]):
        assert all(np.array_equal(one, expected) for one in found)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_model_outlives_the_thread_that_made_it(trained, tmp_path, backend):
    trained.model.save(tmp_path / "m.safetensors")
    (model,) = in_threads(1, lambda: gmcore.load(tmp_path / "m.safetensors", backend=backend))
    assert model.predict(X).tolist() == trained.model.predict(X).tolist()
    (copied,) = in_threads(1, lambda: copy.deepcopy(model))
    assert copied.predict(X).tolist() == trained.model.predict(X).tolist()


def test_a_model_whose_backend_is_not_there_takes_the_best_one():
    settings = BackendSettings(table={"use": "abacus"}, dtype="float32", compute="float32")
    assert settings.start().dtype == "float32"


def test_what_a_result_looks_like_fits_on_a_screen(trained):
    rows = ArrayData(X, [*map(str, range(20))] * 3).rows()
    folds = gmcore.cross_validate(X, X[:, 0], training={"max_epochs": 1})
    texts = [repr(one) for one in (trained, trained.model, trained.result, trained.train, rows, folds, folds.result)]
    assert max(map(len, texts)) < 1500
    assert all("array(" not in text for text in texts)
    assert texts[1].startswith("TrainedModel(MLP with 2,369 parameters, 3 features, target target of 2 classes, ")
    assert texts[4] == "Rows(60 rows, features: 3 numeric; target target; with targets)"
    assert texts[6].startswith("CVResult(5 folds, mean={'loss': ")


def test_a_schema_of_many_columns_shows_a_few():
    schema = ArrayData(np.zeros((4, 1000)), [0.0, 1.0, 2.0, 3.0]).schema
    assert len(repr(schema)) < 800
    assert "… 1,000 in all" in repr(schema)
    assert len(repr(ArrayData(X.tolist(), X[:, 0].tolist()))) < 800


def test_a_single_row_is_explained(trained):
    with pytest.raises(DataError, match=r"got \(3,\): for one row, use \[x\]"):
        trained.model.predict(X[0])
    assert trained.model.predict([X[0]]).shape == (1,)
