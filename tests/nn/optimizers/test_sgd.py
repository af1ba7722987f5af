import numpy as np
import pytest

from gmcore.nn.optimizers import SGD

# Written by torch 2.13 in float64, from the start and the gradients in conftest.
TORCH = [
    (SGD(learning_rate=0.1), [0.378, -1.015, 2.0399]),
    (SGD(learning_rate=0.1, weight_decay=0.01), [0.37610300801050006, -1.01030744002125, 2.0320020020319998]),
    (
        SGD(learning_rate=0.1, momentum=0.9, dampening=0.25, weight_decay=0.01),
        [0.3279080692528672, -0.8483515365831835, 1.93411657281975],
    ),
    (SGD(learning_rate=0.1, momentum=0.9, nesterov=True), [0.18630899999999992, -0.564793, 2.009876]),
]


@pytest.mark.parametrize(("optimizer", "expected"), TORCH)
def test_steps_are_torchs(descend, optimizer, expected):
    assert descend(optimizer) == pytest.approx(expected, rel=1e-14)


def test_momentum_continues_after_the_gradient_is_zero(descend):
    steps = descend(SGD(learning_rate=1.0, momentum=0.5), np.zeros(1), np.array([[1.0], [0.0], [0.0]]))
    assert steps.tolist() == [-1.75]


def test_without_momentum_there_is_no_state(xp):
    assert SGD().init({"w": np.ones(3)}, xp=xp) == {}
    assert set(SGD().settings) == {"learning_rate", "weight_decay"}
    assert set(SGD(momentum=0.9).settings) == {"learning_rate", "weight_decay", "momentum", "dampening"}


def test_a_members_settings_override_the_optimizers(descend):
    ours = descend(SGD(momentum=0.9), learning_rate=0.1, momentum=0.5, weight_decay=0.01)
    assert ours == pytest.approx(descend(SGD(learning_rate=0.1, momentum=0.5, weight_decay=0.01)), rel=1e-14)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate.*0.0"),
        ({"learning_rate": float("inf")}, "learning_rate.*inf"),
        ({"momentum": 1.0}, "momentum.*1.0"),
        ({"weight_decay": -1.0}, "weight_decay.*-1.0"),
        ({"nesterov": True}, "nesterov needs momentum above 0 and dampening 0, got momentum 0.0 and dampening 0.0"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "got momentum 0.9 and dampening 0.1"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        SGD(**settings)
