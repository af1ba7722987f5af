"""A layer that can't take its inputs says what it needs, what it got, and its place in the network."""

import re

import numpy as np
import pytest

import gmcore
from gmcore.domain import Feature, Kind, Schema, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn import Network
from gmcore.nn.layers import GRU, BatchNorm, Concatenate, Conv2d, Dense, Embedding, Flatten, MaxPool2d, Sequential
from gmcore.nn.losses import SquaredError
from gmcore.ports import ModelProvider, Pass

SCHEMA = Schema(
    features=tuple(Feature(name=f"x{place}", kind=Kind.NUMERIC) for place in range(4)),
    target=Target(names=("y",), kind=TargetKind.REGRESSION),
)
RNG = np.random.default_rng(0)


def network(*layers, schema=SCHEMA):
    return Network(Sequential([Concatenate({"numeric": Sequential([])}), *layers]), SquaredError(), schema)


MISFITS = {
    "a convolution of columns": (
        (Conv2d(4, 3), Flatten(), Dense(1)),
        "layer '1': Conv2d needs rows of shape (height, width, channels), got rows of shape (4,)",
    ),
    "pooling of steps": (
        (Dense(6), MaxPool2d(2), Dense(1)),
        "layer '2': MaxPool2d needs rows of shape (height, width, channels), got rows of shape (6,)",
    ),
    "a recurrent layer in a trunk": (
        (Sequential({"trunk": Sequential([Dense(3), GRU(2)]), "head": Dense(1)}),),
        "layer '1.trunk.1': GRU needs rows of shape (time, channels), got rows of shape (3,)",
    ),
    "codes that are numbers": (
        (Embedding((3,), 2), Dense(1)),
        "layer '1': Embedding needs rows of 1 category codes, got shape (4,)",
    ),
    "an input in a branch": (
        (Concatenate({"numeric": Dense(1)}),),
        "layer '1': Concatenate needs inputs by name, got rows of shape (4,)",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_layer_that_can_not_take_its_inputs_is_named_with_its_place(name):
    layers, message = MISFITS[name]
    with pytest.raises(ConfigError, match=re.escape(f"model: Network can't take these rows: {message}")):
        network(*layers)


def test_a_model_provider_whose_layers_do_not_fit_is_refused_before_training():
    class Provider(ModelProvider):
        def create(self, schema):
            return network(GRU(4), Dense(1), schema=schema)

    with pytest.raises(ConfigError, match=r"layer '1': GRU needs rows of shape \(time, channels\), got .* \(4,\)"):
        gmcore.train(RNG.normal(size=(20, 4)), RNG.normal(size=20), model=Provider())


def test_initial_variables_of_rows_that_do_not_fit_are_refused_with_the_place():
    for layer, shape in ((Dense(3), ()), (GRU(3), (4,)), (Conv2d(2, 3), (4,)), (BatchNorm(), ())):
        with pytest.raises(ValueError, match=f"layer 'inner': {type(layer).__name__} needs rows"):
            Sequential({"inner": layer}).init(RNG, shape)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Dense(3), (4,), r"Dense has variables for 4 channels, the last axis, got inputs of shape \(2, 5\)"),
        (BatchNorm(), (4,), r"BatchNorm has variables for 4 channels, the last axis, got inputs of shape \(2, 5\)"),
        (GRU(3), (6, 4), r"GRU needs rows of shape \(time, channels\), got rows of shape \(5,\)"),
        (GRU(3), (6, 4), r"GRU has variables for 4 channels, the last axis, got inputs of shape \(2, 6, 5\)"),
    ],
    ids=["Dense", "BatchNorm", "GRU, a matrix", "GRU, other channels"],
)
@pytest.mark.parametrize("training", [False, True])
def test_inputs_that_do_not_fit_the_variables_are_refused_with_the_place(xp, layer, shape, message, training):
    net = Sequential({"inner": layer})
    inputs = np.zeros((2, 6, 5) if "6, 5" in message else (2, 5))
    at = Pass(xp=xp, weights=np.ones(2), training=training)
    with pytest.raises(ValueError, match=f"layer 'inner': {message}"):
        (net.update if training else net.apply)(net.init(RNG, shape), inputs, at)


def test_another_error_of_gmcore_inside_a_container_stays_what_it_is(xp):
    class Refusing(Dense):
        def apply(self, variables, inputs, at):
            raise ConfigError(["model.size: must be even, got 3"])

    net = Sequential([Sequential([Refusing(3)])])
    with pytest.raises(ConfigError, match=r"^model\.size: must be even, got 3$"):
        net.apply(net.init(RNG, (4,)), np.zeros((2, 4)), Pass(xp=xp))
