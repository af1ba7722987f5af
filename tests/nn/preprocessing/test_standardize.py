import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.preprocessing import Standardize
from gmcore.ports import Pass
from gmcore.testing.layer_checks.rows import fitted


def adapted(rows):
    return fitted(Standardize(), [rows])


def outputs(rows, by=None):
    variables = adapted(rows if by is None else by)
    return Standardize().apply(variables, rows, Pass(xp=NumPyNamespace()))


def test_columns_get_mean_zero_and_deviation_one():
    assert outputs(np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0], [7.0, 40.0]])) == pytest.approx(
        np.array([[-3, -np.sqrt(5)], [-1, -np.sqrt(5)], [1, np.sqrt(5)], [3, np.sqrt(5)]]) / np.sqrt(5)
    )


def test_missing_values_are_ignored():
    buffers = adapted(np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])).buffers
    assert buffers["mean"].tolist() == [2.0, 0.0]
    assert buffers["gain"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9, 1e-30, 123456.789])
def test_a_column_that_was_constant_gives_zero_for_every_later_value(value):
    assert not outputs(np.array([[value], [-7.0], [1e9]]), by=np.full((37, 1), value)).any()


def test_mean_and_gain_come_from_the_adapted_rows_alone():
    assert outputs(np.array([[8.0]]), by=np.array([[1.0], [3.0]])).tolist() == [[6.0]]


def test_agrees_with_sklearn():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 6)) * [1, 1e-8, 1e6, 1, 0, 1] + [0, 1, 1e9, -5, 0.1, 1e4]
    rows[rng.random(rows.shape) < 0.1] = np.nan
    expected = StandardScaler().fit_transform(rows)
    found = outputs(rows)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True)  # 8 digits are left of 1e-8 around 1


def test_weighted_rows_agree_with_sklearn():
    rng = np.random.default_rng(0)
    rows, weights = rng.normal(size=(60, 3)) * [1, 1e-3, 1e6] + [0, 1, -5], rng.choice([0.0, 0.25, 1.0, 3.0], 60)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    theirs = StandardScaler().fit(rows, sample_weight=weights)
    found = fitted(Standardize(), [rows[:25], rows[25:]], weights=[weights[:25], weights[25:]])
    assert found.buffers["mean"] == pytest.approx(theirs.mean_, rel=1e-12)
    assert found.buffers["gain"] == pytest.approx(1 / theirs.scale_, rel=1e-9)


# Squares of numbers below 1e-150 are not exact.
@given(arrays(np.float64, (9, 2), elements=st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-150 else 0.0)))
def test_the_result_does_not_depend_on_units(rows):
    scaled = rows * 4.0  # a power of two, so that nothing is rounded
    assert outputs(scaled) == pytest.approx(outputs(rows), rel=1e-9, abs=1e-9)


def test_without_rows_the_variables_stay():
    assert adapted(np.empty((0, 2))).buffers["gain"].tolist() == [1.0, 1.0]
