"""Targets that a loss can't be computed for are refused before training, and its predictions are in their units."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Member
from gmcore.errors import ConfigError, DataError
from gmcore.nn.layers import Concatenate, Dense, Sequential
from gmcore.nn.losses import Poisson
from gmcore.nn.network import Network
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.preprocessing import ScaleTarget
from gmcore.training import GradientDescent
from gmcore.training.target_check import check_targets

X = np.arange(12.0)[:, None]
LAYER = Sequential((Concatenate({"numeric": Dense(1)}), Dense(1)))


def network(loss, rows, **options):
    return Network(LAYER, loss, rows.schema, **options)


@pytest.fixture
def counts():
    return ArrayData(X, np.arange(12.0), task="regression").rows()


@pytest.mark.parametrize("wrong", [-1, 2, 7])
def test_a_class_index_out_of_range_is_named(configured, wrong):
    task = configured()
    targets = task.rows.targets.copy()
    targets[3] = wrong
    task = attrs.evolve(task, rows=attrs.evolve(task.rows, targets=targets))
    with pytest.raises(DataError, match=rf"must be class indices from 0 to 1, got {wrong} in row 3$"):
        GradientDescent().train(task, [Member(train=np.arange(50))])


def test_a_negative_count_is_refused_by_a_network_with_such_a_loss(counts):
    check_targets(network(Poisson(), counts), counts)
    bad = attrs.evolve(counts, targets=counts.targets - 3)
    with pytest.raises(DataError, match=r"^poisson needs counts, numbers of at least 0: 3 rows have"):
        check_targets(network(Poisson(), counts), bad)


def test_probabilities_are_checked_when_a_run_is_opened():
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 12)
    model = {"use": "mlp", "hidden": [], "loss": "kl_divergence"}
    with pytest.raises(DataError, match=r"^kl_divergence needs probabilities from 0 to 1"):
        gmcore.train(ArrayData(X, 2 * shares - 0.5, task="regression"), model=model, runs=None)
    trained = gmcore.train(ArrayData(X, shares, task="regression"), model=model, runs=None, training={"max_epochs": 2})
    assert trained.model.predict(X).sum(axis=1) == pytest.approx(np.ones(12), rel=1e-5)


def test_predictions_of_a_loss_are_those_of_the_network(counts):
    model, outputs = network(Poisson(), counts), np.log([[2.0], [5.0]])
    variables = model.init(np.random.default_rng(0))
    assert model.predict(variables, outputs, xp=NumPyNamespace())[:, 0] == pytest.approx([2.0, 5.0])


def test_rescaled_targets_are_refused_with_such_a_loss(counts):
    with pytest.raises(
        ConfigError, match="ScaleTarget can't be combined with the loss Poisson, which needs targets as"
    ):
        network(Poisson(), counts, target=ScaleTarget())
