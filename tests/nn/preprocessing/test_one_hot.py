import numpy as np
import pytest
from sklearn.preprocessing import OneHotEncoder

from gmcore.nn.preprocessing import OneHot
from gmcore.testing.layer_checks.rows import fitted

LAYER = OneHot((2, 3))
SEEN = np.array([[0, 1], [1, 3], [2, 3]], np.int32)  # column a: all; column b: neither 0 nor category 2


def fresh():
    return LAYER.init(np.random.default_rng(0), (2,))


def test_each_category_and_unknown_have_an_output(apply):
    assert LAYER.output_shape((2,)) == (7,)
    assert apply(LAYER, np.array([[0, 0], [1, 3]], np.int32)).tolist() == [[1, 0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0, 1]]


def test_a_category_not_seen_by_adapt_is_encoded_as_unknown(apply):
    layer = OneHot((3,))
    variables = fitted(layer, [np.array([[0], [2]], np.int32)])
    assert apply(layer, np.array([[1], [2], [3], [0]], np.int32), variables).tolist() == [
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
    ]


def test_all_outputs_are_zero_if_adapt_saw_no_unknown_either(apply):
    found = apply(LAYER, np.array([[1, 0], [2, 2], [0, 3]], np.int32), fitted(LAYER, [SEEN]))
    assert found.tolist() == [[0, 1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 1]]


def test_adapting_again_replaces_the_known_categories(apply):
    variables = fitted(LAYER, [np.array([[0, 2]], np.int32)], fitted(LAYER, [SEEN]))
    assert apply(LAYER, np.array([[1, 2]], np.int32), variables).tolist() == [[1, 0, 0, 0, 0, 1, 0]]


def test_adapting_keeps_shapes_and_dtypes():
    before, after = fresh().buffers, fitted(LAYER, [SEEN]).buffers
    assert {name: (x.shape, x.dtype) for name, x in before.items()} == {n: (x.shape, x.dtype) for n, x in after.items()}


def test_seen_categories_are_encoded_as_by_sklearn(apply):
    codes = np.random.default_rng(0).integers(0, [3, 4], (30, 2)).astype(np.int32)
    expected = OneHotEncoder(categories=[range(3), range(4)], sparse_output=False).fit_transform(codes)
    assert np.array_equal(apply(LAYER, codes, fitted(LAYER, [codes])), expected)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"OneHot needs rows of 2 category codes, got shape \(3,\)"):
        LAYER.output_shape((3,))


@pytest.mark.parametrize("categories", [(), (-1,)])
def test_invalid_counts_are_refused(categories):
    with pytest.raises(ValueError, match="categories must be one count"):
        OneHot(categories)
