"""What a layer returns is checked when it is traced: the error names the layer, and nothing is broadcast."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import Variables
from gmcore.errors import ConfigError, PortError
from gmcore.nn import Network
from gmcore.nn.layers import GRU, BatchNorm, Concatenate, Conv2d, Dense, Sequential
from gmcore.nn.layers.defaults import describe_by_repr, same_shape
from gmcore.nn.losses import CrossEntropy
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Layer, Pass, SupportsUpdate
from gmcore.testing.fakes import two_moons

ROWS = two_moons(20)
AT = Pass(xp=NumPyNamespace(), weights=np.ones(20), training=True)


@attrs.frozen
class Returning(Layer, SupportsUpdate):
    """A layer with a buffer, whose methods return what a test says."""

    outputs: object
    buffers: object = attrs.field(factory=lambda: {"seen": np.zeros(2)})

    output_shape = same_shape
    describe = describe_by_repr

    def init(self, rng, input_shape):
        return Variables(buffers={"seen": np.zeros(2)})

    def apply(self, variables, inputs, at):
        return self.outputs(inputs)

    def update(self, variables, inputs, at):
        return self.buffers if isinstance(self.buffers, tuple) else (self.outputs(inputs), self.buffers)


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "alone"])
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Returning(lambda x: (x, {})), r"update of the layer Returning.* must return an array, got tuple of 2"),
        (Returning(lambda x: None), r"update of the layer Returning.* must return an array, got NoneType"),
        (Returning(lambda x: x, {}), r"must return all its buffers \(seen\), got none"),
        (Returning(lambda x: x, {"other": 1.0}), r"must return all its buffers \(seen\), got other"),
        (
            Returning(lambda x: x, {"seen": np.zeros(())}),
            r"must keep the shape \(2,\) of its buffer seen, got \(\)",
        ),
        (Returning(lambda x: x, (1, 2, 3)), r"must return a pair \(outputs, buffers\), got tuple of 3"),
    ],
    ids=["tuple", "nothing", "no buffers", "other buffers", "another shape", "three"],
)
def test_a_wrong_result_is_an_error_that_names_the_layer(layer, message, inside):
    own = {"numeric": layer} if inside else {"numeric": Sequential({"middle": layer})}
    net = Network(Sequential([Concatenate(own), Dense(2)]), CrossEntropy(), ROWS.schema)
    with pytest.raises(PortError, match=message):
        net.update(net.init(np.random.default_rng(0)), ROWS.inputs, AT)


@attrs.frozen
class Narrow(Returning):
    """A layer that returns one column, whatever it states."""

    outputs: object = attrs.field(default=lambda x: x[:, :1])


@pytest.mark.parametrize("width", [2, 3])
def test_outputs_of_another_shape_than_stated_are_refused_and_not_broadcast(width):
    layers = {"wide": Dense(width), "narrow": Narrow(), "norm": BatchNorm(), "head": Dense(2)}
    net = Network(Sequential([Concatenate({"numeric": Sequential(layers)})]), CrossEntropy(), ROWS.schema)
    message = rf"the outputs of the layer Narrow \('narrow' in its container\) must have the shape \(20, {width}\), "
    for method in (net.apply, net.update):
        with pytest.raises(PortError, match=message + r"20 rows of its output_shape, got \(20, 1\)"):
            method(net.init(np.random.default_rng(0)), ROWS.inputs, AT)


def test_outputs_of_the_outermost_layer_are_refused_as_those_of_the_network():
    class First(Concatenate):
        def update(self, variables, inputs, at):
            outputs, buffers = super().update(variables, inputs, at)
            return outputs[:, :1], buffers

    net = Network(First({"numeric": Sequential([BatchNorm(), Dense(2)])}), CrossEntropy(), ROWS.schema)
    message = r"the outputs of Network must have the shape \(20, 2\), 20 rows of its output_shape, got \(20, 1\)"
    with pytest.raises(PortError, match=message):
        net.update(net.init(np.random.default_rng(0)), ROWS.inputs, AT)


@pytest.mark.parametrize("training", [{"batch_size": 1}, {"gradients": {"use": "accumulation", "parts": 16}}], ids=str)
def test_a_loss_of_a_batch_is_refused_one_row_at_a_time(training):
    rng = np.random.default_rng(0)
    settings = {"max_epochs": 1, "batch_size": 16, **training}
    with pytest.raises(ConfigError, match="is a loss of several rows, but is given one at a time"):
        gmcore.train(
            rng.normal(size=(40, 3)),
            rng.normal(size=40),
            model={"use": "mlp", "hidden": [2], "loss": "pearson"},
            training=settings,
            backend={"use": "metal", "device": "cpu", "fused": False},
        )


@pytest.mark.parametrize("make", [Dense, GRU, lambda size: Conv2d(size, 3)], ids=["Dense", "GRU", "Conv2d"])
@pytest.mark.parametrize("size", [2.5, True, 0, "3"])
def test_a_size_is_a_whole_number(make, size):
    with pytest.raises(ValueError, match="must be a whole number of at least 1"):
        make(size)
