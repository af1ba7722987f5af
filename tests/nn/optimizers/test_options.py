"""What only one optimizer can get wrong: edges of its formula, its state, and the settings that it refuses."""

import numpy as np
import pytest

import gmcore
from gmcore.nn.optimizers import LAMB, Adadelta, Adafactor, Adagrad, Adam, Adamax, Lion, NAdam, RAdam, RMSProp

GRADIENTS = np.array([[1.0, -2.0], [10.0, 0.5], [0.1, -0.1]])


@pytest.mark.parametrize("momentum_decay", [4e-3, 0.0, 2.0])
def test_nadams_product_of_momenta_follows_from_the_steps_number(momentum_decay):
    optimizer, step = NAdam(momentum_decay=momentum_decay, beta1=0.99), np.arange(1.0, 1001.0)[:, None]
    found = optimizer.coefficients(step, {name: np.array([value]) for name, value in optimizer.settings.items()})
    momenta = 0.99 * (1 - 0.5 * 0.96 ** (np.arange(1.0, 1002.0) * momentum_decay))
    products = np.cumprod(momenta)
    np.testing.assert_allclose(found["newest"][:, 0], (1 - momenta[:-1]) / (1 - products[:-1]), rtol=1e-12)
    np.testing.assert_allclose(found["mean"][:, 0], momenta[1:] / (1 - products[1:]), rtol=1e-12)


def test_centered_rmsprop_survives_constant_gradients_in_float32(descend):
    """Their variance is rounded to below 0, of which torch takes the root."""
    gradients = np.full((200, 2), [0.1, 3.0], np.float32)
    steps = descend(RMSProp(centered=True, epsilon=1e-2, rho=0.9), np.zeros(2, np.float32), gradients)
    assert np.isfinite(steps).all()


def test_amsgrad_never_makes_a_step_longer_again(descend):
    options = {"learning_rate": 0.1, "beta1": 0.0, "beta2": 0.5}
    ours = np.diff([descend(Adam(**options, amsgrad=True), np.zeros(2), GRADIENTS[:n]) for n in (2, 3)], axis=0)
    without = np.diff([descend(Adam(**options), np.zeros(2), GRADIENTS[:n]) for n in (2, 3)], axis=0)
    assert abs(ours[0, 0]) < abs(without[0, 0])


@pytest.mark.parametrize("optimizer", [Adamax(), Lion(), NAdam(), RAdam(), LAMB(), Adafactor(), Adagrad(), Adadelta()])
def test_gradients_of_zero_move_nothing_and_give_no_nan(descend, optimizer):
    assert descend(optimizer, np.array([2.0, -1.0]), np.zeros((3, 2)), weight_decay=0.0).tolist() == [2.0, -1.0]


@pytest.mark.parametrize("optimizer", [LAMB(learning_rate=0.1, weight_decay=0.0), Adafactor(smallest=0.0)], ids=repr)
def test_an_array_of_zeros_is_no_division_by_zero(descend, optimizer):
    assert np.isfinite(descend(optimizer, np.zeros(2), GRADIENTS)).all()


def test_lamb_steps_are_a_share_of_the_norm_of_each_members_array(descend):
    start = np.array([3.0, 4.0])
    after = descend(LAMB(learning_rate=0.1, weight_decay=0.0), start, GRADIENTS[:1])
    assert np.linalg.norm(after - start) == pytest.approx(0.5, rel=1e-12)


def test_adafactor_keeps_rows_and_columns_of_the_last_two_axes_and_vectors_whole(xp):
    params = {"cube": np.ones((3, 2, 5, 7)), "matrix": np.ones((3, 5, 7)), "vector": np.ones((3, 5)), "one": np.ones(3)}
    state = Adafactor().init(params, xp=xp)
    assert {name: leaf.shape for name, leaf in state["rows"].items()} == {
        "cube": (3, 2, 5, 1),
        "matrix": (3, 5, 1),
        "vector": (3, 5),
        "one": (3,),
    }
    assert {name: leaf.shape for name, leaf in state["columns"].items()} == {
        "cube": (3, 2, 1, 7),
        "matrix": (3, 1, 7),
        "vector": (3, 1),
        "one": (3,),
    }


def test_lion_steps_have_the_length_of_the_learning_rate(descend):
    steps = descend(Lion(learning_rate=0.5), np.zeros(2), GRADIENTS[:1] * [[1.0, 0.0]])
    assert steps.tolist() == [-0.5, 0.0]


def test_adagrad_starts_from_its_initial_sum(descend):
    assert descend(Adagrad(learning_rate=1.0, initial_sum=3.0), np.zeros(1), np.ones((1, 1))) == pytest.approx(-0.5)


def test_rmsprop_has_momentum_as_a_setting_only_with_momentum():
    assert set(RMSProp().settings) == {"learning_rate", "weight_decay"}
    assert set(RMSProp(momentum=0.9).settings) == {"learning_rate", "weight_decay", "momentum"}
    assert RMSProp().slots == ("v",)


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (Adadelta, {"rho": 1.0}),
        (Adadelta, {"epsilon": 0.0}),
        (Adafactor, {"beta2_decay": 0.0}),
        (Adafactor, {"beta2_decay": -1.5}),
        (Adafactor, {"clip": 0.5}),
        (Adafactor, {"smallest": -1.0}),
        (Adagrad, {"rate_decay": -0.1}),
        (Adagrad, {"initial_sum": -0.1}),
        (Adamax, {"beta2": 1.0}),
        (LAMB, {"weight_decay": -0.1}),
        (Lion, {"beta1": 1.0}),
        (NAdam, {"momentum_decay": -0.1}),
        (RAdam, {"beta1": -0.1}),
        (RMSProp, {"momentum": 1.0}),
    ],
    ids=str,
)
def test_settings_out_of_range_are_named(optimizer, settings):
    ((name, value),) = settings.items()
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        optimizer(**settings)


@pytest.mark.parametrize("name", sorted(set(gmcore.float64.optimizers) - {"grouped"}))
@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_every_optimizer_refuses_a_learning_rate_that_is_none(name, rate):
    with pytest.raises(ValueError, match=f"learning_rate.*{rate}"):
        gmcore.float64.optimizers.create(name, learning_rate=rate)
