"""A row of weight 2 is the row twice, and a row of weight 0 is absent, in preprocessing, the loss and metrics."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Split
from gmcore.errors import DataError

BACKEND = {"use": "jax", "device": "cpu"}

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


@pytest.mark.parametrize(
    ("weight", "dtype", "found"),
    [(1e39, "float32", "a sum of 6e"), (1e35, "float32", "a sum of 6e"), (1e-40, "float32", "1e-40 as the largest")],
)
def test_weights_that_a_dtype_can_not_sum_are_refused_before_training(weight, dtype, found):
    data = ArrayData(NUMBERS, CLASSES, weights=np.full(60, weight))
    with pytest.raises(DataError, match=rf"row weights must .* in float32, got {found}.*divide all weights"):
        gmcore.train(data, dtype=dtype, backend=BACKEND)
    assert np.isfinite(gmcore.train(data, dtype="float64", backend=BACKEND, training={"max_epochs": 1}).train.loss)


@attrs.define(kw_only=True, eq=False)
class Given(ArrayData):
    """Arrays with a split of its own."""

    def split(self):
        return Split(train=np.arange(20), validation=np.arange(20, 40), test=np.arange(40, 60))


@pytest.mark.parametrize("role", ["train", "validation", "test"])
def test_a_role_whose_rows_all_have_weight_zero_is_refused(role):
    weights = np.ones(60)
    weights[getattr(Given(NUMBERS, CLASSES).split(), role)] = 0
    with pytest.raises(DataError, match=rf"only rows of weight 0 in {role}"):
        gmcore.train(Given(NUMBERS, CLASSES, weights=weights), backend=BACKEND)


def test_a_fold_that_trains_on_rows_of_weight_zero_alone_is_refused():
    weights = np.r_[np.ones(30), np.zeros(30)]
    folds = {"use": "kfold", "n_splits": 2, "shuffle": False, "stratify": "no"}
    with pytest.raises(DataError, match="fold 0 has only rows of weight 0 to train on"):
        gmcore.cross_validate(ArrayData(NUMBERS, CLASSES, weights=weights), validation={**folds}, backend=BACKEND)


def test_rows_to_stop_on_that_all_have_weight_zero_are_refused():
    data = ArrayData(NUMBERS, VALUES, weights=np.r_[np.ones(2), np.zeros(58)], validation=None)
    with pytest.raises(DataError, match="only rows of weight 0 to stop on"):
        gmcore.train(data, backend=BACKEND, training={"early_stopping": {"fraction": 0.02}})
