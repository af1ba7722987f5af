import numpy as np
import pytest

from gmcore.nn.layers import Embedding
from gmcore.ports import Pass
from gmcore.testing.layer_checks.rows import fitted

LAYER = Embedding((2, 1), 3)


def fresh(seed=0):
    return LAYER.init(np.random.default_rng(seed), (2,))


def test_each_code_of_each_column_has_its_vector(apply):
    variables = fresh()
    weight = variables.params["weight"]
    found = apply(LAYER, np.array([[0, 0], [2, 1]], np.int32), variables)
    assert LAYER.output_shape((2,)) == (6,)
    assert np.array_equal(found, [[*weight[0], *weight[3]], [*weight[2], *weight[4]]])


def test_a_category_not_seen_by_adapt_has_the_vector_of_unknown(apply):
    variables = fitted(LAYER, [np.array([[0, 1], [1, 1]], np.int32)], fresh())
    unseen, unknown = apply(LAYER, np.array([[2, 1], [0, 1]], np.int32), variables)
    assert np.array_equal(unseen, unknown)
    assert unknown.all()


def test_the_vector_is_zero_if_adapt_saw_no_unknown_either(apply):
    variables = fitted(LAYER, [np.array([[1, 1], [2, 1]], np.int32)], fresh())
    assert apply(LAYER, np.array([[0, 0]], np.int32), variables).tolist() == [[0.0] * 6]


def test_adapting_keeps_the_vectors_of_seen_categories():
    before = fresh()
    after = fitted(LAYER, [np.array([[1, 1]], np.int32)], before)
    assert np.array_equal(after.params["weight"][[1, 4]], before.params["weight"][[1, 4]])
    assert not after.params["weight"][[0, 2, 3]].any()


def test_categories_not_seen_by_adapt_get_no_gradient(double):
    rows = np.array([[1, 1], [2, 1], [1, 1]], np.int32)
    variables = fitted(LAYER, [rows], fresh())

    def total(params, buffers, codes):
        known = type(variables)(params, buffers)
        outputs = LAYER.apply(known, codes, Pass(xp=double.xp, training=True))
        return double.xp.sum(double.xp.square(outputs)), ()

    args = double.asarray((variables.params, variables.buffers, rows))
    _, gradient = double.value_and_grad(total)(*args)
    counts = np.array([0, 2, 1, 0, 3])[:, None]
    found = double.to_numpy(gradient)["weight"]
    assert found == pytest.approx(2 * counts * variables.params["weight"])


def test_the_mean_squared_length_of_vectors_is_one():
    weight = Embedding((999,), 50).init(np.random.default_rng(0), (1,)).params["weight"]
    assert np.square(weight).sum(axis=1).mean() == pytest.approx(1, rel=0.03)


def test_a_size_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"size.*0"):
        Embedding((2,), 0)
