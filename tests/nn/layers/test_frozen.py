import attrs
import numpy as np
import pytest

from gmcore.domain import Feature, Kind, Schema, Target, TargetKind, Variables
from gmcore.nn import Network
from gmcore.nn.index_check import check_indices
from gmcore.nn.layers import (
    BatchNorm,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Frozen,
    Sequential,
    changes_buffers,
    needs_key,
)
from gmcore.nn.losses import SquaredError
from gmcore.ports import Pass

INSIDE = Sequential([Dense(3), BatchNorm(), Dropout(0.5)])
ROWS = np.random.default_rng(0).normal(size=(6, 2))


@pytest.fixture
def frozen():
    return Frozen(INSIDE, INSIDE.init(np.random.default_rng(1), (2,)))


def test_all_of_its_variables_are_shared(frozen):
    variables = frozen.init(np.random.default_rng(2), (2,))
    assert (variables.params, variables.buffers) == ({}, {})
    assert variables.shared["params"] is frozen.variables.params
    assert variables.shared["buffers"] is frozen.variables.buffers


def test_in_training_it_works_as_outside_it(frozen, xp):
    variables = frozen.init(np.random.default_rng(2), (2,))
    outside = frozen.apply(variables, ROWS, Pass(xp=xp))
    np.testing.assert_array_equal(outside, INSIDE.apply(frozen.variables, ROWS, Pass(xp=xp)))
    at = Pass(xp=xp, weights=np.ones(6), training=True)
    np.testing.assert_array_equal(frozen.apply(variables, ROWS, at), outside)
    assert not needs_key(frozen, (2,))
    assert not changes_buffers(frozen, (2,))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            Dense(4).init(np.random.default_rng(0), (2,)),
            r"params\.bias of shape \(4,\) .* Dense needs params\.bias of shape \(3,\)",
        ),
        (
            Variables({"weight": np.zeros((2, 3))}),
            r"Frozen has no params\.bias in its variables, but for rows of shape \(2,\)",
        ),
        (
            Variables({"weight": np.zeros((2, 3)), "bias": np.zeros(3), "b": np.zeros(1)}),
            r"Frozen has params\.b of .* needs no params\.b",
        ),
    ],
    ids=["other shapes", "too few", "too many"],
)
def test_variables_that_are_not_the_layers_are_refused_by_name(variables, message):
    with pytest.raises(ValueError, match=message):
        Frozen(Dense(3), variables).output_shape((2,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([Dense(3)], Variables()), r"layer must be a layer object, got \[Dense"),
        ((Dense, Variables()), r"layer must be a layer object, got .*: create an object, Dense\(\)"),
        ((Dense(3), {"weight": np.zeros(3)}), r"variables of Frozen must be Variables, got \{'weight'"),
        ((Dense(3), Variables({"weight": [0.0]})), r"must be NumPy arrays, got list for params\.weight"),
    ],
    ids=["a list", "a class", "a dict of variables", "a list of numbers"],
)
def test_what_is_no_layer_or_no_variables_is_refused_when_it_is_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        Frozen(*arguments)


def test_its_description_names_the_layer_inside():
    layer = Dense(3)
    assert Frozen(layer, layer.init(np.random.default_rng(0), (2,))).describe((2,)) == f"Frozen({layer.describe((2,))})"


def test_a_shared_place_outside_its_table_is_found():
    layer = Embedding((3,), 2)
    feature = Feature(name="c", kind=Kind.CATEGORICAL, categories=("a", "b", "d"))
    schema = Schema(features=(feature,), target=Target(names=("y",), kind=TargetKind.REGRESSION))
    base = Frozen(layer, layer.init(np.random.default_rng(0), (1,)))
    model = Network(Sequential([Concatenate({"categorical": base}), Dense(1)]), SquaredError(), schema)
    variables = model.init(np.random.default_rng(0))
    check_indices(model, variables)
    table = variables.shared["0"]["categorical"]["buffers"]
    wrong = {**table, "place": np.full_like(table["place"], 99)}
    shared = {"0": {"categorical": {**variables.shared["0"]["categorical"], "buffers": wrong}}}
    with pytest.raises(IndexError):
        check_indices(model, attrs.evolve(variables, shared=shared))
