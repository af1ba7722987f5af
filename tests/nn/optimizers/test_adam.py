import numpy as np
import pytest

from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.optimizers import Adam, AdamW, RMSProp

SHRINKING = np.array([[1e3, -2e3, 3e3], [1e-3, -2e-3, 3e-3], [2e-3, 1e-3, -1e-3]])


# Written by torch 2.13 in float64, from the start and the gradients in conftest.
@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (Adam(learning_rate=0.1), [0.36399172144335457, -0.9891071133246605, 1.8176514701847928]),
        (
            Adam(learning_rate=0.02, beta1=0.8, beta2=0.95, epsilon=1e-3, weight_decay=0.1),
            [0.4679895823660423, -1.1883376976181512, 1.9448534108170847],
        ),
    ],
)
def test_steps_are_torchs(descend, optimizer, expected):
    assert descend(optimizer) == pytest.approx(expected, rel=1e-13)


# Written by torch 2.13 in float64; the second gradient is a millionth of the first.
@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (Adam(learning_rate=0.1, beta1=0.0, beta2=0.0), [0.20000149998850011, -1.1499995000079999, 1.8999993333425556]),
        (
            Adam(learning_rate=0.1, beta1=0.01, beta2=0.001),
            [0.3585675036916156, -1.1088151087486493, 1.8587985997742087],
        ),
        (
            AdamW(learning_rate=0.1, beta1=0.0, beta2=0.0, weight_decay=0.1),
            [0.18814098998858023, -1.115863245008015, 1.8435873300092267],
        ),
        (RMSProp(learning_rate=0.1, rho=0.0), [0.20000149998850011, -1.1499995000079999, 1.8999993333425556]),
    ],
)
def test_a_small_beta_forgets_a_large_gradient_as_in_torch(descend, optimizer, expected):
    assert descend(optimizer, gradients=SHRINKING) == pytest.approx(expected, rel=1e-15 * 4)


def test_the_first_step_has_the_length_of_the_learning_rate_for_gradients_of_any_size(descend):
    gradients = np.array([[1e-3, 5.0, -1e6]])
    assert descend(Adam(learning_rate=0.1), np.zeros(3), gradients) == pytest.approx([-0.1, -0.1, 0.1], rel=2e-5)


def test_the_bias_correction_is_exact_in_float32_from_the_first_step():
    xp = NumPyNamespace("float32")
    params = {"w": np.zeros(1, np.float32)}
    optimizer = Adam(learning_rate=0.5)
    planned = optimizer.coefficients(np.ones((1, 1)), dict(optimizer.settings))
    now = {name: values[0].astype(np.float32) for name, values in planned.items()}
    state = optimizer.init(params, xp=xp)
    gradient = {"w": np.ones(1, np.float32)}
    taken = np.array([True])
    params, state = optimizer.update(gradient, state, params, coefficients=now, taken=taken, xp=xp)
    # `1 - 0.999f` would be off by 1.3e-5, and the step by half of that.
    assert params["w"] == pytest.approx([-0.5], rel=3e-7)
    assert {params["w"].dtype, state["m"]["w"].dtype, state["v"]["w"].dtype} == {np.dtype(np.float32)}


def test_the_state_is_two_moments_in_the_shape_of_the_parameters(xp):
    state = Adam().init({"a": {"w": np.ones((2, 3))}}, xp=xp)
    assert {name: state[name]["a"]["w"].tolist() for name in state} == {"m": [[0.0] * 3] * 2, "v": [[0.0] * 3] * 2}


def test_a_members_settings_override_the_optimizers(descend):
    ours = descend(Adam(), learning_rate=0.1, weight_decay=0.2)
    assert ours == pytest.approx(descend(Adam(learning_rate=0.1, weight_decay=0.2)), rel=1e-14)


@pytest.mark.parametrize(
    "settings", [{"beta1": 1.0}, {"beta2": -0.1}, {"epsilon": 0.0}, {"learning_rate": -1.0}], ids=str
)
def test_settings_out_of_range_are_named(settings):
    ((name, value),) = settings.items()
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        Adam(**settings)
