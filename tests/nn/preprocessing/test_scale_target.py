import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from gmcore.nn.preprocessing import ScaleTarget
from gmcore.ports import Pass
from gmcore.testing.layer_checks.rows import fitted

TARGETS = np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 1e5, 0.0] + [0.0, 3e6, 7.0]


def test_targets_are_scaled_as_by_scikit_learn(xp):
    scaled = ScaleTarget().apply(fitted(ScaleTarget(), [TARGETS]), TARGETS, Pass(xp=xp))
    np.testing.assert_allclose(scaled, StandardScaler().fit_transform(TARGETS), rtol=1e-12, atol=1e-12)


def test_the_scale_of_a_constant_column_is_1(xp):
    variables = fitted(ScaleTarget(), [TARGETS])
    assert variables.buffers["scale"][2] == 1.0
    assert ScaleTarget().inverse(variables, np.zeros((2, 3)), xp=xp)[:, 2].tolist() == [7.0, 7.0]


def test_without_rows_nothing_is_scaled(xp):
    variables = fitted(ScaleTarget(), [TARGETS], weights=[np.zeros(40)])
    np.testing.assert_array_equal(ScaleTarget().apply(variables, TARGETS, Pass(xp=xp)), TARGETS)


def test_a_row_of_weight_2_counts_twice():
    twice = fitted(ScaleTarget(), [TARGETS[[0, 0, 1]]])
    weighted = fitted(ScaleTarget(), [TARGETS[:2]], weights=[np.array([2.0, 1.0])])
    assert weighted.buffers["mean"] == pytest.approx(twice.buffers["mean"], rel=1e-14)
