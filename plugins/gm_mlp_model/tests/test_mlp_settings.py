"""Hyperparameters of a multi-layer perceptron that can differ between the members of a fleet."""

import numpy as np
import pytest
from gm_mlp_model import MLPProvider

from gmcore.domain import Feature, Schema, Target, TargetKind
from gmcore.domain.tree import tree_flatten
from gmcore.errors import ConfigError
from gmcore.nn.losses import CrossEntropy, Huber
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Pass

XP = NumPyNamespace()
SMOOTHED = CrossEntropy(label_smoothing=0.1)
TARGETS = {
    "classes": Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c")),
    "two classes": Target(names=("kind",), kind=TargetKind.BINARY, classes=("no", "yes")),
    "numbers": Target(names=("price",), kind=TargetKind.REGRESSION),
}


def model(target="classes", **options):
    return MLPProvider(**options).create(Schema(features=(Feature(name="size"),), target=TARGETS[target]))


def fresh(one):
    return one.init(np.random.default_rng(0))


def flat(variables):
    return tree_flatten({"params": variables.params, "buffers": variables.buffers})


@pytest.mark.parametrize(
    ("target", "options", "settings"),
    [
        ("classes", {}, {}),
        ("classes", {"dropout": 0.2}, {"dropout": 0.2}),
        ("classes", {"dropout": 0.2, "hidden": ()}, {}),
        ("classes", {"dropout": 0.2, "loss": SMOOTHED}, {"dropout": 0.2, "loss.label_smoothing": 0.1}),
        ("two classes", {"loss": SMOOTHED}, {"loss.label_smoothing": 0.1}),
        ("numbers", {}, {}),
        ("numbers", {"loss": Huber(delta=2.0)}, {"loss.delta": 2.0}),
    ],
    ids=str,
)
def test_settings_are_the_hyperparameters_that_its_programs_read(target, options, settings):
    assert dict(model(target, **options).settings) == settings


@pytest.mark.parametrize(
    ("target", "options", "others", "settings"),
    [
        (
            "classes",
            {"dropout": 0.2, "loss": SMOOTHED},
            {"dropout": 0.5, "loss": CrossEntropy(label_smoothing=0.3)},
            {"dropout": 0.5, "loss.label_smoothing": 0.3},
        ),
        (
            "two classes",
            {"loss": SMOOTHED},
            {"loss": CrossEntropy(label_smoothing=0.3)},
            {"loss.label_smoothing": 0.3},
        ),
        (
            "numbers",
            {"dropout": 0.2, "loss": Huber()},
            {"dropout": 0.1, "loss": Huber(delta=0.25)},
            {"dropout": 0.1, "loss.delta": 0.25},
        ),
    ],
    ids=["classes", "two classes", "numbers"],
)
def test_with_settings_gives_the_variables_and_losses_of_a_model_with_those_options(target, options, others, settings):
    one, other = model(target, **options), model(target, **options | others)
    found, expected = one.with_settings(fresh(one), settings), fresh(other)
    assert flat(found).keys() == flat(expected).keys()
    assert all(np.array_equal(flat(found)[path], leaf) for path, leaf in flat(expected).items())
    outputs = np.linspace(-2, 2, 6).reshape(6, 1) * np.arange(1, 1 + other.info.layers[-1].output_shape[0])
    targets = np.ones((6, 1)) if target == "numbers" else np.ones(6, np.int32)
    losses = [m.loss(v, outputs, targets, Pass(xp=XP)) for m, v in ((one, found), (other, expected), (one, fresh(one)))]
    np.testing.assert_array_equal(losses[0], losses[1])
    assert (losses[0] != losses[2]).any()


def test_settings_that_are_not_given_keep_their_values():
    one = model(dropout=0.2, loss=SMOOTHED)
    changed = one.with_settings(one.with_settings(fresh(one), {"dropout": 0.4}), {"loss.label_smoothing": 0.3})
    assert {name: float(leaf) for name, leaf in tree_flatten(changed.buffers).items() if leaf.ndim == 0} == {
        "trunk.2.rate": 0.4,
        "trunk.5.rate": 0.4,
        "loss.label_smoothing": 0.3,
    }


@pytest.mark.parametrize(
    ("target", "options", "settings", "message"),
    [
        ("classes", {"dropout": 0.1}, {"dropout": 1.0}, r"model\.dropout: 'rate' must be < 1\.0: 1\.0"),
        ("numbers", {"loss": Huber()}, {"loss.delta": 0.0}, r"model\.loss\.delta: 'delta' must be > 0(\.0)?: 0\.0"),
    ],
)
def test_invalid_values_are_refused(target, options, settings, message):
    one = model(target, **options)
    with pytest.raises(ConfigError, match=message):
        one.with_settings(fresh(one), settings)
