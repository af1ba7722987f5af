import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.nn.layers import Concatenate, Dense, Dropout, ReLU, Sequential
from gmcore.nn.preprocessing import Impute, OneHot, Standardize
from gmcore.ports import Pass
from gmcore.testing.layer_checks.rows import fitted

NAN = np.nan
RNG = np.random.default_rng


def test_layers_are_applied_in_order(apply):
    net = Sequential([Dense(2), ReLU()])
    known = Variables({"0": {"weight": np.array([[1.0, -1.0]]), "bias": np.array([0.0, 0.0])}})
    assert apply(net, np.array([[3.0], [-2.0]]), known).tolist() == [[3.0, 0.0], [0.0, 2.0]]
    assert net.output_shape((1,)) == (2,)


def test_branches_are_named_by_index_or_name_and_empty_ones_are_absent():
    assert list(Sequential([Dense(2), ReLU(), Dense(1)]).init(RNG(0), (3,)).params) == ["0", "2"]
    assert list(Sequential({"first": Dense(2), "last": Dense(1)}).init(RNG(0), (3,)).params) == ["first", "last"]


def test_a_sequence_without_layers_is_the_identity(apply):
    rows = np.ones((2, 3))
    assert apply(Sequential([]), rows) is rows


def test_each_layer_learns_from_the_outputs_of_the_layers_before_it():
    net = Sequential([Impute(), Standardize(), Dense(1)])
    fresh = net.init(RNG(0), (1,))
    adapted = fitted(net, [np.array([[1.0], [NAN], [5.0]])], fresh)
    assert adapted.buffers["0"]["fill"].tolist() == [3.0]
    assert adapted.buffers["1"]["mean"].tolist() == [3.0]
    assert adapted.buffers["1"]["gain"] == pytest.approx([np.sqrt(3 / 8)])
    assert adapted.params is not fresh.params
    assert adapted.params["2"] is fresh.params["2"]


def test_an_adaptable_layer_after_a_concatenation_learns_from_its_outputs():
    net = Sequential([Concatenate({"a": Impute(), "b": OneHot((1,))}), Standardize()])
    rows = {"a": np.array([[1.0], [NAN], [3.0]]), "b": np.array([[0], [1], [1]], np.int32)}
    adapted = fitted(net, [rows])
    assert adapted.buffers["1"]["mean"] == pytest.approx([2.0, 1 / 3, 2 / 3])


def test_rows_do_not_pass_through_layers_after_the_last_adaptable_one():
    net = Sequential([Standardize(), Dense(1)])
    assert fitted(net, [np.array([[1.0], [3.0]])], Variables(buffers={"0": {}})).buffers["0"]["mean"].tolist() == [2.0]


def test_each_layer_has_its_own_key(apply):
    net = Sequential([Dropout(0.5), Dropout(0.5)])
    kept = apply(net, np.ones((100, 100)), key=np.array([1, 2], np.uint32)) != 0
    assert kept.mean() == pytest.approx(0.25, abs=0.025)  # 0.5 if both drew the same; 5 standard deviations


class Counting:
    """A layer that counts its forward passes."""

    def output_shape(self, input_shape):
        return input_shape

    def init(self, rng, input_shape):
        return Variables(buffers={"passes": np.zeros(())})

    random = False

    def apply(self, variables, inputs, at):
        return inputs

    def update(self, variables, inputs, at):
        return inputs, {"passes": variables.buffers["passes"] + 1}

    def describe(self, input_shape):
        return "Counting()"


def test_changed_buffers_are_returned_and_the_others_stay_the_same_objects(xp):
    net = Sequential({"drop": Dropout(0.5), "inner": Sequential([Counting()])})
    variables = net.init(RNG(0), (1,))
    kept = Variables({}, {**variables.buffers, "foreign": np.ones(1)})
    at = Pass(xp=xp, key=np.array([1, 2], np.uint32), training=True)
    _, after = net.update(kept, np.ones((1, 1)), at)
    assert after["inner"]["0"]["passes"] == 1
    assert after["drop"] is kept.buffers["drop"]
    assert after["foreign"] is kept.buffers["foreign"]
