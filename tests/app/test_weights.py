"""A row of weight 2 is the row twice, and a row of weight 0 is absent, in preprocessing, the loss and metrics."""

import numpy as np
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(60, 2)) * [1, 50] + [0, 1000]
NUMBERS[::7, 1] = np.nan
COLOURS = np.array(["red", "green", "blue"])[RNG.integers(0, 3, 60)]
CLASSES = np.where(NUMBERS[:, 0] + RNG.normal(size=60) > 0, "yes", "no")
VALUES = NUMBERS[:, 0] * 30 + RNG.normal(size=60) * 5 + 400
WEIGHTS = RNG.integers(0, 4, 60).astype(np.float64)
WEIGHTS[:6] = 1.0  # every class and category is in a row of some weight
TRAINING = {"max_epochs": 12, "batch_size": 1024, "optimizer": {"use": "adam", "learning_rate": 0.05}, "shuffle": False}


def trained(y, rows=slice(None), weights=None, **settings):
    columns = {"a": NUMBERS[rows, 0], "b": NUMBERS[rows, 1], "colour": COLOURS[rows]}
    data = ArrayData(columns, y[rows], weights=weights, validation=None)
    backend = {"use": "jax", "device": "cpu"}
    return gmcore.train(data, dtype="float64", backend=backend, training={**TRAINING, **settings}).train


@pytest.mark.parametrize("y", [CLASSES, VALUES], ids=["classes", "values"])
def test_a_weight_is_a_number_of_rows_if_a_batch_has_them_all(y):
    weighted = trained(y, weights=WEIGHTS)
    repeated = trained(y, np.repeat(np.arange(60), WEIGHTS.astype(int)))
    assert weighted.loss == pytest.approx(repeated.loss, rel=1e-9)
    assert dict(weighted.metrics) == pytest.approx(dict(repeated.metrics), rel=1e-9)


@pytest.mark.parametrize("y", [CLASSES, VALUES], ids=["classes", "values"])
def test_a_row_of_weight_zero_is_absent_also_from_small_batches(y):
    kept = np.flatnonzero(WEIGHTS)
    few = {"batch_size": 8, "shuffle": True}
    weighted, absent = trained(y, weights=(WEIGHTS > 0) * 1.0, **few), trained(y, kept, **few)
    assert weighted.loss == pytest.approx(absent.loss, rel=1e-12)
    assert dict(weighted.metrics) == pytest.approx(dict(absent.metrics), rel=1e-12)
