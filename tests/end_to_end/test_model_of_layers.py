"""A plugin's model that is its layers and nothing else: trained, saved, loaded, searched and resumed like any other."""

import attrs
import numpy as np
import pytest
from attrs.validators import ge

import gmcore
from gmcore.app import open_run, resume
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Cancellation
from gmcore.errors import Cancelled
from gmcore.nn import Network
from gmcore.nn.layers import BatchNorm, Concatenate, Dense, Dropout, Frozen, ReLU, Sequential, Tanh
from gmcore.nn.losses import Huber
from gmcore.nn.preprocessing import Impute, ScaleTarget, Standardize
from gmcore.ports import ModelProvider

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 3)) * [1.0, 50.0, 0.01]
Y = 3000.0 + 400.0 * X[:, 0] + 2.0 * X[:, 1] + 10.0 * RNG.normal(size=150)
CPU = {"use": "metal", "device": "cpu", "fused": False}
TRAINING = {"max_epochs": 40, "batch_size": 16, "optimizer": {"use": "adamw", "learning_rate": 0.02}}


@attrs.frozen(kw_only=True)
class Tabular(ModelProvider):
    """Numbers, a hidden layer, and a target in its own units.

    Attributes:
        hidden: width of the hidden layer.
        dropout: probability of dropping one of its outputs.
        features: number of fixed random features between the numbers and the hidden layer; 0 for none.
    """

    hidden: int = attrs.field(default=16, validator=ge(1))
    dropout: float = 0.05
    features: int = 0

    def create(self, schema):
        numbers = Sequential([Impute(), Standardize(), *self._base(len(schema.numeric))])
        hidden = [Dense(self.hidden), BatchNorm(), ReLU(), Dropout(self.dropout)]
        layers = [Concatenate({"numeric": numbers}), *hidden, Dense(schema.target.width)]
        return Network(Sequential(layers), Huber(), schema, target=ScaleTarget(), name="Tabular")

    def _base(self, width):
        if self.features:
            layer = Sequential([Dense(self.features), Tanh()])
            yield Frozen(layer, layer.init(np.random.default_rng(8), (width,)))


@pytest.fixture(autouse=True)
def _registered():
    registry = gmcore.float32.model_providers
    registry.register("tabular", Tabular)
    yield
    registry.unregister("tabular")


@pytest.mark.parametrize("features", [0, 12])
def test_it_is_trained_saved_and_loaded(features, tmp_path):
    done = gmcore.train(X, Y, model=Tabular(features=features), backend=CPU, training=TRAINING, seed=4)
    predicted = done.model.predict(X)
    assert np.mean(np.square(predicted - Y)) < 0.2 * Y.var()
    assert bool(done.model.variables.shared) == bool(features)
    path = tmp_path / "model.safetensors"
    done.model.save(path)
    np.testing.assert_array_equal(gmcore.load(path, backend=CPU).predict(X), predicted)


def test_its_settings_are_those_of_its_layers_and_its_loss():
    model = Tabular().create(ArrayData(X, Y).schema)
    assert model.settings == {"dropout": 0.05, "loss.delta": 1.0}
    variables = model.with_settings(model.init(np.random.default_rng(0)), {"dropout": 0.4, "loss.delta": 2.0})
    assert float(variables.buffers["4"]["rate"]) == 0.4
    assert float(variables.buffers["loss"]["delta"]) == 2.0


def test_a_stopped_run_resumes_to_the_same_bits(tmp_path):
    data = tmp_path / "rows.csv"
    lines = [",".join(map(repr, [*row, y])) for row, y in zip(X.tolist(), Y.tolist(), strict=True)]
    data.write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    csv = gmcore.float32.data_providers.create("csv", path=data, target="y")
    settings = {"model": {"use": "tabular", "features": 12}, "backend": CPU, "training": {**TRAINING, "max_epochs": 5}}
    cancellation = Cancellation()

    def epoch_start(context):
        if context.epoch == 3:
            cancellation.cancel()

    with pytest.raises(Cancelled):
        gmcore.train(csv, runs=tmp_path / "runs", cancellation=cancellation, hooks=[epoch_start], **settings)
    (folder,) = (tmp_path / "runs").iterdir()
    assert open_run(folder / "config.toml").config.model["features"] == 12
    whole = gmcore.train(csv, **settings)
    np.testing.assert_array_equal(resume(folder).model.predict(X), whole.model.predict(X))
