"""Clipped gradients, and the norms of gradients in the history."""

import attrs
import numpy as np
import pytest

from gmcore.domain import Member, WorkflowConfig
from gmcore.domain.tree import tree_leaves
from gmcore.errors import ConfigError
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.optimizers import LBFGS, SGD
from gmcore.nn.schedules import Constant
from gmcore.training import GradientDescent
from gmcore.training.fleet.steps.clipping import clipped, norms

WORKFLOW = GradientDescent()
XP = NumPyNamespace("float64")
MEMBERS = [Member(index=index, train=np.arange(60 + 20 * index), seed=index) for index in range(3)]


def gradients(seed=0):
    rng = np.random.default_rng(seed)
    return {"a": rng.normal(size=(3, 4, 2)), "b": {"c": rng.normal(size=(3, 5)) * [[1.0], [10.0], [0.01]]}}


def test_a_norm_is_over_all_parameters_of_a_member():
    found, tree = norms(gradients(), XP), gradients()
    for place in range(3):
        flat = np.concatenate([tree["a"][place].ravel(), tree["b"]["c"][place]])
        assert found[place] == pytest.approx(np.linalg.norm(flat))


def test_only_what_is_too_long_is_scaled_and_to_the_norm():
    tree = gradients()
    limit = float(np.sort(norms(tree, XP))[1])  # the middle one of three
    after = clipped(tree, WorkflowConfig(clip_norm=limit), XP)
    np.testing.assert_allclose(norms(after, XP), np.minimum(norms(tree, XP), limit), rtol=1e-6)
    shortest = int(norms(tree, XP).argmin())
    np.testing.assert_array_equal(after["a"][shortest], tree["a"][shortest])


def test_values_are_clipped_before_the_norm():
    tree, config = gradients(), WorkflowConfig(clip_value=0.5, clip_norm=0.7)
    by_value = clipped(tree, WorkflowConfig(clip_value=0.5), XP)
    np.testing.assert_array_equal(by_value["a"], np.clip(tree["a"], -0.5, 0.5))
    expected = clipped(by_value, WorkflowConfig(clip_norm=0.7), XP)
    np.testing.assert_array_equal(clipped(tree, config, XP)["b"]["c"], expected["b"]["c"])


def test_training_moves_by_clipped_gradients(configured):
    """By plain gradient descent one step moves by the rate times the norm."""
    config = {"max_epochs": 1, "batch_size": 128, "early_stopping": None, "gradient_norms": True}
    task = attrs.evolve(configured(**config), optimizer=SGD(learning_rate=1.0), schedule=Constant())
    start = attrs.evolve(task, optimizer=SGD(learning_rate=1e-30))
    before, free = WORKFLOW.train(start, MEMBERS), WORKFLOW.train(task, MEMBERS)
    limit = attrs.evolve(task, config=attrs.evolve(task.config, clip_norm=0.05))
    for one, other, held in zip(before, free, WORKFLOW.train(limit, MEMBERS), strict=True):
        moved = {name: distance(one, result) for name, result in (("free", other), ("held", held))}
        assert moved["free"] == pytest.approx(other.history["gradient_norm"][0], rel=1e-4)
        assert moved["free"] > 0.06
        assert moved["held"] == pytest.approx(0.05, rel=1e-4)
        # The norms of the history are those before clipping.
        assert held.history["gradient_norm"][0] == pytest.approx(other.history["gradient_norm"][0], rel=1e-6)


def distance(one, other):
    flat = [np.concatenate([leaf.ravel() for leaf in leaves_of(result)]) for result in (one, other)]
    return float(np.linalg.norm(flat[0] - flat[1]))


def leaves_of(result):
    return list(tree_leaves(result.variables.params))


def test_the_history_has_the_mean_and_the_largest_norm_of_an_epoch(configured):
    config = {"max_epochs": 3, "batch_size": 16, "early_stopping": None, "gradient_norms": True}
    for result in WORKFLOW.train(configured(**config), MEMBERS):
        mean, largest = (result.history[name] for name in ("gradient_norm", "largest_gradient_norm"))
        assert (largest > mean).all()
        assert (mean > 0).all()
    without = WORKFLOW.train(configured(**{**config, "gradient_norms": False}), MEMBERS)
    assert "gradient_norm" not in without[0].history


def test_norms_change_no_result(configured, weights):
    config = {"max_epochs": 2, "early_stopping": None}
    plain, with_norms = (WORKFLOW.train(configured(**config, gradient_norms=asked), MEMBERS) for asked in (False, True))
    np.testing.assert_equal(weights(plain), weights(with_norms))


@pytest.mark.parametrize("clip", [{"clip_norm": 0.1}, {"clip_value": 0.01}], ids=str)
def test_a_member_is_the_same_alone_and_in_a_fleet(configured, same_results, clip):
    task = configured(max_epochs=2, early_stopping=None, gradient_norms=True, **clip)
    same_results([WORKFLOW.train(task, [member])[0] for member in MEMBERS], WORKFLOW.train(task, MEMBERS))


def test_an_optimizer_that_computes_gradients_itself_is_refused(configured):
    task = attrs.evolve(configured(clip_norm=1.0), optimizer=LBFGS())
    with pytest.raises(ConfigError, match=r"training.clip_norm: LBFGS computes gradients itself"):
        WORKFLOW.train(task, MEMBERS)


@pytest.mark.parametrize("options", [{"clip_norm": 0.0}, {"clip_value": -1.0}, {"clip_norm": float("inf")}])
def test_a_limit_that_is_none_is_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        WorkflowConfig(**options)
