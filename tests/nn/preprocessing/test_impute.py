import numpy as np
import pytest
from sklearn.impute import SimpleImputer

from gmcore.nn.preprocessing import Impute
from gmcore.testing.layer_checks.rows import fitted

NAN = np.nan
ROWS = np.array([[1.0, NAN, NAN], [3.0, 4.0, NAN], [NAN, 5.0, NAN], [11.0, 9.0, NAN]])


def adapted(layer, rows):
    return fitted(layer, [rows])


@pytest.mark.parametrize(("strategy", "fill"), [("mean", [5.0, 6.0, 0.0]), ("median", [3.0, 5.0, 0.0])])
def test_nan_becomes_the_columns_statistic_or_zero_in_a_column_of_nan(apply, strategy, fill):
    layer = Impute(strategy=strategy)
    variables = adapted(layer, ROWS)
    assert variables.buffers["fill"].tolist() == fill
    assert apply(layer, np.array([[NAN, NAN, NAN], [7.0, NAN, 8.0]]), variables).tolist() == [fill, [7.0, fill[1], 8.0]]


def test_values_that_are_not_nan_stay(apply):
    rows = np.array([[1.0, np.inf], [-0.0, 2.0]])
    assert np.array_equal(apply(Impute(), rows), rows)


@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_agrees_with_sklearn(strategy):
    rows = np.random.default_rng(0).normal(size=(40, 5))
    rows[np.random.default_rng(1).random(rows.shape) < 0.3] = NAN
    expected = SimpleImputer(strategy=strategy).fit(rows).statistics_
    assert adapted(Impute(strategy=strategy), rows).buffers["fill"] == pytest.approx(expected, rel=1e-14)


def test_without_rows_the_variables_stay():
    assert adapted(Impute(), np.empty((0, 2))).buffers["fill"].tolist() == [0.0, 0.0]
