"""The reference's own results, where NumPy has no function of the same meaning."""

import numpy as np
import pytest

from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.testing.backend_checks.loops import assert_refuses_loops


@pytest.fixture(params=["float32", "float64"])
def xp(request):
    return NumPyNamespace(request.param)


def test_the_largest_values_come_first_and_equal_ones_by_index(xp):
    values, indices = xp.top_k(np.array([1.0, 3.0, np.nan, 3.0, -0.0, 0.0, np.nan, -np.inf], xp.float), 7)
    assert indices.tolist() == [2, 6, 1, 3, 0, 4, 5]
    assert indices.dtype == np.int32
    assert np.array_equal(values, [np.nan, np.nan, 3.0, 3.0, 1.0, -0.0, 0.0], equal_nan=True)
    assert np.signbit(values[5])


def test_the_largest_values_of_an_axis(xp):
    x = np.array([[3, 1], [2, 5], [3, 4]], np.int32)
    values, indices = xp.top_k(x, 2, axis=0)
    assert values.tolist() == [[3, 5], [3, 4]]
    assert indices.tolist() == [[0, 1], [2, 2]]


def test_rows_are_added_to_their_segment_and_left_out_without_one(xp):
    x, segments = np.arange(12.0).reshape(6, 2).astype(xp.float), np.array([1, 0, 1, -1, 3, 2**31 - 1], np.int32)
    assert xp.segment_sum(x, segments, 3).tolist() == [[2, 3], [4, 6], [0, 0]]


def test_a_loop_sums_forwards_and_in_reverse(xp):
    step = lambda total, x: ({"sum": total["sum"] + x}, (total["sum"], x > 2))
    for reverse, before in ((False, [0, 1, 3]), (True, [5, 3, 0])):
        last, (sums, large) = xp.scan(step, {"sum": xp.zeros(())}, np.array([1, 2, 3], xp.float), reverse=reverse)
        assert last["sum"] == 6
        assert sums.tolist() == before
        assert large.tolist() == [False, False, True]


def test_what_can_not_be_a_loop_is_refused(xp):
    assert_refuses_loops(xp)


def test_an_exponential_is_added_without_overflow(xp):
    found = xp.logaddexp(np.array([1000.0, -np.inf, np.inf], xp.float), np.array([1000.0, -np.inf, np.inf], xp.float))
    assert found == pytest.approx([1000 + np.log(2), -np.inf, np.inf])
