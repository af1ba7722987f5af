import numpy as np
import pytest

from gmcore.nn.layers import Concatenate, Dense, ReLU, Sequential
from gmcore.nn.preprocessing import OneHot, Standardize
from gmcore.testing.layer_checks.rows import fitted

RNG = np.random.default_rng


def test_outputs_are_concatenated_in_the_order_of_the_branches(apply):
    both = Concatenate({"b": Sequential([]), "a": OneHot((1,))})
    rows = {"a": np.array([[0], [1]], np.int32), "b": np.array([[5.0, 6.0], [7.0, 8.0]]), "c": np.zeros((2, 9))}
    assert both.output_shape({"a": (1,), "b": (2,), "c": (9,)}) == (4,)
    assert apply(both, rows).tolist() == [[5.0, 6.0, 1.0, 0.0], [7.0, 8.0, 0.0, 1.0]]


def test_outputs_of_several_axes_are_concatenated_along_the_last(apply):
    rows = {"a": np.arange(24.0).reshape(2, 4, 3), "b": np.arange(8.0).reshape(2, 4, 1)}
    both = Concatenate({"a": Sequential([]), "b": Sequential([])})
    assert both.output_shape({"a": (4, 3), "b": (4, 1)}) == (4, 4)
    np.testing.assert_array_equal(apply(both, rows), np.dstack([rows["a"], rows["b"]]))


def test_the_output_of_a_single_branch_is_not_copied(apply):
    rows = np.ones((2, 3))
    assert apply(Concatenate({"only": Sequential([])}), {"only": rows}) is rows


def test_each_branch_learns_from_its_own_input():
    both = Concatenate({"a": Standardize(), "b": Standardize(), "c": Dense(1)})
    rows = {name: np.array([[0.0], [2.0 * place]]) for place, name in enumerate("abc")}
    shapes = dict.fromkeys("abc", (1,))
    fresh = both.init(RNG(0), shapes)
    adapted = fitted(both, [rows], fresh)
    assert adapted.buffers["a"]["mean"].tolist() == [0.0]
    assert adapted.buffers["b"]["mean"].tolist() == [1.0]
    assert adapted.params["c"] is fresh.params["c"]


def test_branches_whose_shapes_do_not_match_are_refused():
    with pytest.raises(ValueError, match=r"same number of axes, at least one, got a \(4, 1\), b \(1,\)"):
        Concatenate({"a": Dense(1), "b": Dense(1)}).output_shape({"a": (4, 2), "b": (2,)})
    with pytest.raises(ValueError, match=r"same number of axes, at least one, got a \(\), b \(\)"):
        Concatenate({"a": ReLU(), "b": ReLU()}).output_shape({"a": (), "b": ()})
    with pytest.raises(ValueError, match=r"must agree in all axes but axis -1, got a \(4, 1\), b \(3, 1\)"):
        Concatenate({"a": Dense(1), "b": Dense(1)}).output_shape({"a": (4, 2), "b": (3, 2)})


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_outputs_are_concatenated_on_a_given_axis_of_a_row(apply, axis):
    rows = {"a": np.arange(24.0).reshape(2, 4, 3), "b": np.arange(24.0, 48.0).reshape(2, 4, 3)}
    both = Concatenate({"a": Sequential([]), "b": Sequential([])}, axis=axis)
    expected = np.stack([np.concatenate(pair, axis=axis) for pair in zip(rows["a"], rows["b"], strict=True)])
    assert both.output_shape({"a": (4, 3), "b": (4, 3)}) == expected.shape[1:]
    np.testing.assert_array_equal(apply(both, rows), expected)


@pytest.mark.parametrize("axis", [2, -3])
def test_an_axis_that_rows_do_not_have_is_refused(axis):
    both = Concatenate({"a": Dense(1), "b": Dense(1)}, axis=axis)
    with pytest.raises(ValueError, match=rf"Concatenate has no axis {axis}: rows have the axes 0 to 1, got a \(4, 1\)"):
        both.output_shape({"a": (4, 2), "b": (4, 2)})


def test_an_axis_that_is_no_whole_number_is_refused():
    with pytest.raises(TypeError, match="axis"):
        Concatenate({"a": Dense(1)}, axis="time")
