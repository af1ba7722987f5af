import attrs
import pytest

from gmcore.nn.layers import Activation, Concatenate, Dense, Dropout, ReLU, Sequential, changes_buffers, needs_key
from gmcore.ports import SupportsUpdate


@attrs.frozen
class RunningMean(Activation, SupportsUpdate):
    """A layer that can change buffers."""

    def of(self, x, xp):
        return x

    def update(self, variables, inputs, at):
        return inputs, variables.buffers


CHILDREN = {"plain": [Dense(2), ReLU()], "dropout": [Dense(2), Dropout(0.5)], "running mean": [RunningMean(), Dense(2)]}


@pytest.mark.parametrize("name", CHILDREN)
@pytest.mark.parametrize(
    "nest",
    [
        lambda layers: (Sequential(layers), (3,)),
        lambda layers: (Sequential([Dense(4), Sequential({"inner": Sequential(layers)})]), (3,)),
        lambda layers: (Concatenate({"a": Dense(1), "b": Sequential(layers)}), {"a": (1,), "b": (3,)}),
    ],
    ids=["flat", "nested", "branch"],
)
def test_a_container_answers_for_the_layers_inside_it(nest, name):
    layer, input_shape = nest(CHILDREN[name])
    assert needs_key(layer, input_shape) == (name == "dropout")
    assert changes_buffers(layer, input_shape) == (name == "running mean")


def test_a_layer_without_children_answers_for_itself():
    assert needs_key(Dropout(0.5), (3,))
    assert not needs_key(Dense(2), (3,))
    assert changes_buffers(RunningMean(), (3,))
    assert not changes_buffers(Dropout(0.5), (3,))
