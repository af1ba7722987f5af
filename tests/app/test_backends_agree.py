"""One run file on every backend and dtype: the same start, the same batches, the same losses to rounding."""

import numpy as np
import pytest

import gmcore
from gmcore.domain.tree import tree_flatten

SETTINGS = {
    "max_epochs": 20,
    "batch_size": 16,
    "optimizer": {"use": "adamw", "learning_rate": 0.01},
    "schedule": {"use": "warm_up", "fraction": 0.1, "then": {"use": "cosine"}},
}


def trained(run_file, backend, dtype, epochs=20):
    return gmcore.cross_validate(
        run_file,
        backend={"use": backend, "device": "cpu"},
        dtype=dtype,
        training=SETTINGS | {"max_epochs": epochs},
    ).result.folds


def losses(folds):
    return np.array([fold.training.history["train_loss"] for fold in folds])


@pytest.mark.parametrize(("dtype", "epochs", "tolerance"), [("float64", 20, 1e-5), ("float32", 5, 1e-3)])
def test_backends_agree_epoch_by_epoch(run_file, dtype, epochs, tolerance):
    metal, jax = (trained(run_file, name, dtype, epochs) for name in ("metal", "jax"))
    np.testing.assert_allclose(losses(metal), losses(jax), rtol=tolerance)
    for one, other in zip(metal, jax, strict=True):
        np.testing.assert_allclose(one.validation.predictions, other.validation.predictions, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["metal", "jax"])
def test_dtypes_begin_with_the_same_numbers(run_file, name):
    single, double = (trained(run_file, name, dtype, 1) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(losses(single), losses(double), rtol=1e-4)
    assert not np.array_equal(losses(single), losses(double))
    for one, other in zip(single, double, strict=True):
        params = tree_flatten(one.training.variables.params)
        assert {leaf.dtype.name for leaf in params.values()} == {"float32"}
        assert {leaf.dtype.name for leaf in tree_flatten(other.training.variables.params).values()} == {"float64"}
