import numpy as np

from gmcore.nn import summarize
from gmcore.nn.layers import Concatenate, Dense, Embedding, ReLU, Sequential
from gmcore.nn.preprocessing import Standardize


def test_every_layer_has_a_line_with_its_name_shape_and_size():
    net = Sequential(
        {
            "inputs": Concatenate({"numeric": Standardize(), "categorical": Embedding((3,), 2)}),
            "trunk": Sequential([Dense(4), ReLU()]),
        }
    )
    shapes = {"numeric": (5,), "categorical": (1,)}
    assert [(i.name, i.description, i.output_shape, i.parameters) for i in summarize(net, shapes)] == [
        ("inputs.numeric", "Standardize()", (5,), 0),
        ("inputs.categorical", "Embedding(categories=(3,), size=2)", (2,), 8),
        ("trunk.0", "Dense(in_features=7, out_features=4)", (4,), 32),
        ("trunk.1", "ReLU()", (4,), 0),
    ]


def test_the_number_of_parameters_is_that_of_init():
    (line,) = summarize(Dense(7), (3,), "head")
    made = Dense(7).init(np.random.default_rng(0), (3,)).params
    assert (line.name, line.parameters) == ("head", sum(leaf.size for leaf in made.values()))
