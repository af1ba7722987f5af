"""Rows of any shape go all the way: trained as a fleet, resumed, saved, loaded and predicted."""

import attrs
import numpy as np
import pytest
from sklearn.datasets import load_digits

import gmcore
from gmcore.app.commands.fit import plain_member
from gmcore.app.composing.run import open_run
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Cancellation, Hooks, Rows, Schema, Split, WindowedSeries
from gmcore.domain.data.row_batches import RowBatches
from gmcore.errors import ConfigError, DataError
from gmcore.nn import Network
from gmcore.nn.layers import Concatenate, Conv2d, Dense, Flatten, MaxPool2d, ReLU, Sequential
from gmcore.nn.losses import CrossEntropy
from gmcore.ports import DataProvider, ModelProvider, SupportsRows
from gmcore.storage.checkpoint import Checkpoints

PIXELS, DIGITS = load_digits(return_X_y=True)
IMAGES = (PIXELS / 16).reshape(-1, 8, 8, 1)
QUICK = {"use": "metal", "fused": False}
TRAINING = {
    "max_epochs": 3,
    "batch_size": 64,
    "early_stopping": {"patience": 2},
    "optimizer": {"use": "adamw", "learning_rate": 0.01},
}


@attrs.frozen
class CNN(ModelProvider):
    """A small convolutional network for one image and ten classes."""

    channels: int = 4

    def create(self, schema: Schema) -> Network:
        layers = [Conv2d(self.channels, 3, padding="same"), ReLU(), MaxPool2d(2), Flatten(), Dense(10)]
        (image,) = schema.tensors
        return Network(Concatenate({image.name: Sequential(layers)}), CrossEntropy(), schema, name="CNN")


@attrs.frozen(kw_only=True, eq=False)
class Given(DataProvider, SupportsRows):
    """Rows with a given split."""

    given: Rows
    given_split: Split
    schema = property(lambda self: self.given.schema)
    metadata = property(lambda self: {"source": "given", "rows": len(self.given), "sha256": "00" * 32})

    def rows(self):
        return self.given

    def split(self):
        return self.given_split

    def training_batches(self, config):
        return RowBatches(self.given, self.given_split.train, config)

    def validation_batches(self, config):
        return RowBatches(self.given, self.given_split.validation, config)

    def close(self):
        pass


def weights_of(trained):
    flat = {}

    def visit(tree, path=""):
        for name, leaf in tree.items():
            if isinstance(leaf, np.ndarray):
                flat[f"{path}{name}"] = leaf.tobytes()
            else:
                visit(leaf, f"{path}{name}.")

    visit(trained.params, "params.")
    visit(trained.buffers, "buffers.")
    return flat


@pytest.mark.parametrize("backend", ["jax", "metal"])
def test_digits_as_images_train_as_a_fleet_of_five_folds(backend):
    options = {"model": CNN(), "backend": {"use": backend, **({"fused": False} if backend == "metal" else {})}}
    found = gmcore.cross_validate({"image": IMAGES}, DIGITS, folds=5, training=TRAINING, **options)
    assert len(found.result.folds) == 5
    assert found.result.mean["accuracy"] > 0.6
    assert all(fold.validation.predictions.shape[1:] == (10,) for fold in found.result.folds)


def test_digits_as_images_and_as_columns_give_the_same_numbers():
    model = {"use": "mlp", "hidden": [16]}
    columns = gmcore.train(PIXELS, DIGITS, model=model, training=TRAINING, backend=QUICK)
    images = gmcore.train(PIXELS.reshape(-1, 8, 8, 1), DIGITS, model=model, training=TRAINING, backend=QUICK)
    ours, theirs = weights_of(images.result.variables), weights_of(columns.result.variables)
    assert {name: one for name, one in ours.items() if ".x." not in name} == {
        name: one for name, one in theirs.items() if ".numeric." not in name
    }
    # An image is flattened first.
    assert ours["buffers.inputs.x.2.gain"] == theirs["buffers.inputs.numeric.1.gain"]
    assert images.train.metrics == columns.train.metrics
    assert np.array_equal(images.model.predict_proba(PIXELS.reshape(-1, 8, 8, 1)), columns.model.predict_proba(PIXELS))


def test_a_model_of_images_is_saved_loaded_and_refuses_other_shapes(tmp_path):
    trained = gmcore.train(IMAGES[:200], DIGITS[:200], model={"use": "mlp"}, training=TRAINING, backend=QUICK)
    trained.model.save(tmp_path / "model.safetensors")
    loaded = gmcore.load(tmp_path / "model.safetensors", backend=QUICK)
    assert loaded.schema == trained.model.schema
    assert np.array_equal(loaded.predict_proba(IMAGES[200:210]), trained.model.predict_proba(IMAGES[200:210]))
    assert "x (height 8, width 8, channel 1)" in repr(loaded)
    with pytest.raises(DataError, match=r"the tensor 'x' must have shape \(8, 8, 1\) in each row, got \(8, 8, 2\)"):
        loaded.predict(np.concatenate([IMAGES, IMAGES], axis=-1))
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"x \(height 8, width 8, channel 1\)"):
        loaded.predict(loaded.read(tmp_path / "rows.csv"))


def test_columns_and_tensors_are_inputs_side_by_side():
    given = {"bright": PIXELS.sum(axis=1), "image": IMAGES}
    trained = gmcore.train(given, DIGITS, model={"use": "mlp"}, training=TRAINING, backend=QUICK)
    assert trained.model.predict(given).shape == (len(DIGITS),)
    with pytest.raises(DataError, match="no tensor 'image'"):
        trained.model.predict({"bright": PIXELS.sum(axis=1)})


def series_of(steps, channels=3):
    series = np.cumsum(np.random.default_rng(0).normal(size=(steps, channels)), axis=0) / 10
    return series, series[:, 0]


def windowed(steps=600):
    """Windows without those that a split leaves out."""
    rows = gmcore.windowed_rows(*series_of(steps), length=12, horizon=2)
    split = ArrayData(rows).split()
    used = np.concatenate([split.train, split.validation])
    train, validation = np.split(np.arange(len(used)), [len(split.train)])
    return Given(given=rows.take(used), given_split=Split(train=train, validation=validation))


def stored(data):
    """The same rows and split, every window stored."""
    inputs = {name: windows[:] for name, windows in data.given.windowed.items()}
    return attrs.evolve(data, given=attrs.evolve(data.given, inputs=inputs))


@pytest.mark.parametrize("backend", ["jax", "metal"])
def test_windows_give_the_numbers_of_stored_windows_resident_and_streamed(backend):
    options = {"model": {"use": "mlp", "hidden": [8]}, "seed": 3}
    options["backend"] = {"use": backend, **({"fused": False} if backend == "metal" else {})}
    runs = [
        gmcore.train(data, training={**TRAINING, "row_memory": memory}, **options)
        for data, memory in ((windowed(), None), (windowed(), 1000), (stored(windowed()), None))
    ]
    first, *others = (weights_of(run.result.variables) for run in runs)
    assert all(one == first for one in others)
    assert all(run.train.metrics == runs[0].train.metrics for run in runs)
    assert all(np.array_equal(run.train.predictions, runs[0].train.predictions) for run in runs)


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


@pytest.mark.parametrize("memory", [None, 1000], ids=["resident", "streamed"])
def test_a_run_on_windows_resumes_to_the_same_bits(tmp_path, memory):
    training = {"max_epochs": 5, "checkpoint": {"every_steps": 5, "seconds": 1e9}, "row_memory": memory}
    tables = {"data": windowed(), "model": {"use": "mlp", "hidden": [8]}, "backend": QUICK, "training": training}
    run = open_run(tables)
    task, members = run.task(Hooks(), Cancellation()), [plain_member(run)]
    saved = []

    def kill(context):
        saved.append(context)
        if len(saved) == 7:
            raise Killed

    store = Checkpoints(folder=tmp_path, config=task.config.checkpoint, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        run.workflow.train(attrs.evolve(task, checkpoints=store), members)
    again = Checkpoints(folder=tmp_path, config=task.config.checkpoint)
    (resumed,) = run.workflow.train(attrs.evolve(task, checkpoints=again), members)
    (whole,) = run.workflow.train(task, members)
    assert weights_of(resumed.variables) == weights_of(whole.variables)


def test_a_forecast_has_the_shape_of_its_horizon():
    series, y = series_of(400)
    rows = gmcore.windowed_rows(series, y, length=8)
    steps = np.stack([y[8 + ahead : 392 + ahead] for ahead in range(4)], axis=1)[..., None]
    given = {"past": rows.inputs["series"][: len(steps)]}
    trained = gmcore.train(given, steps, model={"use": "mlp", "hidden": [8]}, training=TRAINING, backend=QUICK)
    assert trained.model.schema.target.shape == (4,)
    assert trained.model.predict(given).shape == (len(steps), 4)
    flat = gmcore.train(given, steps[..., 0], model={"use": "mlp", "hidden": [8]}, training=TRAINING, backend=QUICK)
    np.testing.assert_allclose(trained.model.predict(given), flat.model.predict(given), rtol=1e-5, atol=1e-6)
    assert trained.train.metrics["mae"] == pytest.approx(flat.train.metrics["mae"], rel=1e-5)


def test_several_labels_are_predicted_at_once():
    labels = np.stack([DIGITS % 2 == 0, DIGITS > 4], axis=1)
    training = {**TRAINING, "max_epochs": 15}
    trained = gmcore.train(PIXELS, labels, model={"use": "mlp"}, training=training, backend=QUICK)
    assert list(trained.train.metrics) == ["accuracy", "log_loss"]
    predicted = trained.model.predict(PIXELS)
    assert predicted.dtype == bool
    assert (predicted == labels).mean() > 0.9
    assert np.array_equal(predicted, trained.model.predict_proba(PIXELS) >= 0.5)


def test_folds_of_windows_share_no_steps():
    data = windowed(300)
    rows = data.given
    found = gmcore.cross_validate(
        rows,
        validation={"use": "kfold", "n_splits": 3, "shuffle": False, "ignore_time": True},
        model={"use": "mlp", "hidden": []},
        training={"max_epochs": 1},
        backend=QUICK,
    )
    assert len(found.result.folds) == 3
    with pytest.raises(DataError, match="must have rows to train on"):
        gmcore.cross_validate(rows, validation={"use": "kfold", "ignore_time": True}, training={"max_epochs": 1})


@attrs.frozen
class OfColumns(ModelProvider):
    """A model of numeric columns alone."""

    def create(self, schema: Schema) -> Network:
        return Network(Concatenate({"numeric": Dense(10)}), CrossEntropy(), schema, name="Columns")


def test_a_split_with_steps_on_both_sides_is_refused():
    rows = gmcore.windowed_rows(*series_of(100), length=12)
    for train, validation in ((range(60), range(60, 88)), (range(40, 88), range(40))):
        split = Split(train=np.array(train), validation=np.array(validation))
        with pytest.raises(DataError, match="has windows in train that share steps with held-out ones: row"):
            gmcore.train(Given(given=rows, given_split=split), model="mlp", backend=QUICK)


def test_a_model_of_columns_refuses_images():
    with pytest.raises(ConfigError, match="a branch for the input 'numeric', which is not among those: 'x'"):
        gmcore.train(IMAGES, DIGITS, model=OfColumns(), backend=QUICK)


def test_windows_are_never_stored():
    rows = windowed().given
    assert isinstance(rows.inputs["series"], WindowedSeries)
    assert isinstance(rows.view(np.arange(5)).gathered().inputs["series"], WindowedSeries)
