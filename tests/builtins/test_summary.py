"""The text summary of an architecture."""

import pytest

from gmcore.builtins.summary import architecture
from gmcore.domain import LayerInfo, ModelInfo

MODEL = ModelInfo(
    name="MLP",
    layers=(
        LayerInfo(name="numbers", description="Standardize(30)", output_shape=(30,), parameters=0),
        LayerInfo(name="trunk.0", description="Dense(30 -> 64)", output_shape=(64,), parameters=1984),
        LayerInfo(name="head", description="Dense(64 -> 2)", output_shape=(2,), parameters=130),
    ),
    input_shapes={"numeric": (30,)},
    output_shape=(2,),
)


def test_it_lists_layers_shapes_parameters_and_sizes():
    assert architecture(MODEL, batch_size=64) == (
        """\
MLP: numeric 30 -> 2

layer                     output  parameters
numbers  Standardize(30)  30               0
trunk.0  Dense(30 -> 64)  64           1,984
head     Dense(64 -> 2)   2              130

parameters                 2,114, 8.5 KB in float32
a batch                    64 rows, 7.7 KB
forward and backward pass  49.2 KB
estimated total            65.3 KB"""
    )


@pytest.mark.parametrize(
    ("parameters", "size"), [(10, "80 bytes"), (1000, "8.0 KB"), (3 * 10**6, "24.0 MB"), (10**9, "8.0 GB")]
)
def test_sizes_are_in_the_unit_they_fit(parameters, size):
    layer = LayerInfo(name="big", description="", output_shape=(), parameters=parameters)
    model = ModelInfo(name="Big", layers=(layer,), input_shapes={}, output_shape=())
    assert f"{parameters:,}, {size} in float64" in architecture(model, dtype="float64")


def test_a_model_without_layers_has_a_summary():
    assert "estimated total" in architecture(ModelInfo(name="Empty", layers=(), input_shapes={}, output_shape=()))
