"""A row of weight 2 counts as two rows wherever a layer learns from rows, a row of weight 0 as none."""

from itertools import pairwise

import numpy as np
import pytest

from gmcore.domain.tree import tree_flatten
from gmcore.errors import PortError
from gmcore.nn.layers import Concatenate, Dense, Embedding, Sequential
from gmcore.nn.layers.defaults import describe_by_repr, same_shape
from gmcore.nn.preprocessing import Impute, OneHot, Standardize
from gmcore.nn.preprocessing.statistics import medians
from gmcore.testing.layer_checks.rows import fitted, row_blocks

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(40, 3)) * [1, 1e3, 0] + [0, 1e6, 0.1]
NUMBERS[RNG.random(NUMBERS.shape) < 0.2] = np.nan
CODES = RNG.integers(0, [3, 4], (40, 2)).astype(np.int32)
WEIGHTS = RNG.integers(0, 4, 40).astype(np.float64)
BOTH = {"a": NUMBERS, "b": CODES}
NUMERIC = [Impute(), Impute(strategy="median"), Standardize(), Sequential([Impute(strategy="median"), Standardize()])]


def learnt(layer, rows, weights=None, places=(0, 7, 40)):
    """Return what a layer learns from rows in blocks, by path."""
    pick = dict.fromkeys(rows, 0) if isinstance(rows, dict) else None
    shapes = {name: rows[name].shape[1:] for name in pick} if pick else rows.shape[1:]
    ends = list(pairwise(places))
    blocks = [{n: c[a:b] for n, c in rows.items()} if pick else rows[a:b] for a, b in ends]
    own = None if weights is None else [weights[a:b] for a, b in ends]
    fresh = layer.init(np.random.default_rng(1), shapes)
    found = fitted(layer, blocks, fresh, weights=own)
    return tree_flatten({"params": found.params, "buffers": found.buffers})


def repeated(rows):
    times = np.repeat(np.arange(40), WEIGHTS.astype(int))
    return {name: column[times] for name, column in rows.items()} if isinstance(rows, dict) else rows[times]


@pytest.mark.parametrize(
    ("layer", "rows"),
    [
        *((layer, NUMBERS) for layer in NUMERIC),
        (OneHot((2, 3)), CODES),
        (Embedding((2, 3), 2), CODES),
        (Concatenate({"a": Sequential([Impute(), Standardize()]), "b": OneHot((2, 3))}), BOTH),
        (Sequential([Concatenate({"a": Impute(), "b": OneHot((2, 3))}), Standardize(), Dense(2)]), BOTH),
    ],
    ids=repr,
)
def test_a_layer_learns_from_a_row_as_often_as_its_weight_says(layer, rows):
    expected = learnt(layer, repeated(rows), places=(0, 11, int(WEIGHTS.sum())))
    for path, leaf in learnt(layer, rows, WEIGHTS).items():
        assert leaf == pytest.approx(expected[path], rel=1e-9, abs=1e-12), path


@pytest.mark.parametrize("layer", NUMERIC, ids=repr)
@pytest.mark.parametrize("scale", [1e-3, 0.1, 1e6])
def test_only_the_proportions_of_weights_matter(layer, scale):
    expected = learnt(layer, NUMBERS)
    for path, leaf in learnt(layer, NUMBERS, np.full(40, scale)).items():
        assert leaf == pytest.approx(expected[path], rel=1e-9, abs=1e-12), path


@pytest.mark.parametrize("layer", NUMERIC, ids=repr)
def test_the_values_of_a_row_of_weight_zero_do_not_matter(layer):
    rows, weights = NUMBERS.copy(), np.ones(40)
    rows[5], weights[5] = np.inf, 0.0
    expected = learnt(layer, np.delete(NUMBERS, 5, axis=0), places=(0, 7, 39))
    for path, leaf in learnt(layer, rows, weights).items():
        assert leaf == pytest.approx(expected[path], rel=1e-9, abs=1e-12), path


def test_a_category_of_rows_of_weight_zero_is_not_known():
    codes = np.array([[1], [2], [1]], np.int32)
    assert learnt(OneHot((2,)), codes, np.array([1.0, 0.0, 2.0]), (0, 3))["buffers.place"].tolist() == [-1, 1, -1]


def test_a_weighted_constant_column_has_a_scale_of_exactly_zero():
    rows = np.full((1000, 1), 0.1)
    weights = np.random.default_rng(2).uniform(1e-6, 1e-3, 1000)
    assert learnt(Standardize(), rows, weights, (0, 300, 1000))["buffers.gain"].tolist() == [0.0]


def test_a_weighted_median_is_numpys_of_repeated_rows_to_the_bit():
    rows = NUMBERS[:, :2]
    found = medians(row_blocks([rows[:13], rows[13:]], [WEIGHTS[:13], WEIGHTS[13:]]))
    assert found.tolist() == np.nanmedian(repeated(rows), axis=0).tolist()


def test_the_weighted_median_of_a_column_without_numbers_is_zero():
    rows = np.array([[1.0, np.nan], [3.0, np.nan]])
    assert medians(row_blocks([rows], [np.array([1.0, 2.0])])).tolist() == [3.0, 0.0]


class WithoutRandomNumbers:
    """A layer whose `adapt` takes no generator."""

    output_shape = same_shape
    describe = describe_by_repr
    init = Impute().init
    apply = Impute().apply
    random = False

    def adapt(self, variables, blocks):
        return variables


def test_a_layer_whose_fit_has_another_signature_is_refused():
    message = r"adapt\(variables, blocks, \*, rng\) of the layer WithoutRandomNumbers can't be called: .*'rng'"
    with pytest.raises(PortError, match=message):
        learnt(Sequential([WithoutRandomNumbers()]), NUMBERS)
