"""L-BFGS: members search on their own, steps fulfil Wolfe's conditions, and losses that are not finite are survived."""

import numpy as np
import pytest

from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.optimizers import LBFGS
from gmcore.ports import Evaluation

RNG = np.random.default_rng(4)
MEMBERS = 10
CURVATURES = RNG.uniform(0.01, 10.0, size=(MEMBERS, 5)) * np.geomspace(0.1, 10.0, MEMBERS)[:, None]
STARTS = RNG.normal(size=(MEMBERS, 5))
RATES = np.geomspace(1e-3, 50.0, MEMBERS)


def waves(curvatures):
    """Return the evaluation of functions that are not convex: a quadratic and a sine in each coordinate."""

    def evaluate(x):
        losses = (0.5 * curvatures * x**2 + np.sin(3 * x)).sum(1)
        return Evaluation(losses.astype(x.dtype), (curvatures * x + 3 * np.cos(3 * x)).astype(x.dtype))

    return evaluate


def fit(evaluate, params, xp, rates, *, steps=8, taken=None, **options):
    """Return the members' parameters after each step, `(steps, members, parameters)`, and the last state."""
    optimizer, found = LBFGS(**options), []
    state, taken = optimizer.init(params, xp=xp), np.ones(len(params), bool) if taken is None else taken
    for _ in range(steps):
        first = evaluate(params)
        now = {"coefficients": {"learning_rate": rates}, "taken": taken, "xp": xp}
        params, state = optimizer.minimize(evaluate, first, state, params, **now)
        found.append(params)
    return np.array(found), state


def test_a_fleet_of_ten_has_the_bits_of_each_member_alone(xp):
    """Members differ in their functions and in the length that they try first, so in the evaluations they need."""
    fleet, state = fit(waves(CURVATURES), STARTS, xp, RATES)
    for member in range(MEMBERS):
        own = slice(member, member + 1)
        alone, of_one = fit(waves(CURVATURES[own]), STARTS[own], xp, RATES[own])
        np.testing.assert_array_equal(alone[:, 0], fleet[:, member])
        for name, leaf in of_one.items():
            np.testing.assert_array_equal(leaf[0], state[name][member], err_msg=name)


def test_members_of_other_steps_have_no_effect_and_stay(xp):
    taken = np.arange(MEMBERS) % 3 != 1
    some, state = fit(waves(CURVATURES), STARTS, xp, RATES, taken=taken, steps=3)
    everyone, _ = fit(waves(CURVATURES), STARTS, xp, RATES, steps=3)
    np.testing.assert_array_equal(some[:, taken], everyone[:, taken])
    np.testing.assert_array_equal(some[-1][~taken], STARTS[~taken])
    assert all((leaf[~taken] == 0).all() for leaf in state.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_fulfils_the_strong_wolfe_conditions(dtype):
    xp, evaluate = NumPyNamespace(dtype), waves(CURVATURES.astype(dtype))
    start, rates = STARTS.astype(dtype), np.geomspace(1e-2, 10.0, MEMBERS).astype(dtype)
    (after,), _ = fit(evaluate, start, xp, rates, steps=1, evaluations=20)
    step, before, now = (after - start).astype(float), evaluate(start), evaluate(after)
    slope, left = (before.gradients * step).sum(1), (now.gradients * step).sum(1)
    assert (slope < 0).all()
    assert (now.losses <= before.losses + 1e-4 * slope + 1e-6).all()
    assert (np.abs(left) <= -0.9 * slope + 1e-6).all()


def steep(value):
    """Return the evaluation of functions that are `value`, without a gradient, from 1 on; lowest at 2/3."""

    def evaluate(x):
        inside = np.minimum(x, 0.999)
        wall = (x >= 1).any(1)
        losses, slopes = -np.log1p(-inside).sum(1) - 3 * inside.sum(1), 1 / (1 - inside) - 3
        return Evaluation(np.where(wall, value, losses), np.where(wall[:, None], np.nan, slopes))

    return evaluate


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_steps_into_losses_that_are_not_finite_are_shortened(xp, value):
    """torch's parameters become NaN after a loss of NaN or minus infinity."""
    found, _ = fit(steep(value), np.zeros((3, 2)), xp, np.array([1.0, 30.0, 500.0]), steps=12, evaluations=20)
    np.testing.assert_allclose(found[-1], 2 / 3, atol=1e-4)


def test_without_a_length_that_lowers_the_loss_a_member_stays(xp):
    found, _ = fit(steep(np.inf), np.zeros((2, 2)), xp, np.array([1e6, 0.5]), steps=2, evaluations=2)
    assert (found[:, 0] == 0).all()
    assert (found[:, 1] > 0).all()


def test_gradients_that_are_not_finite_fail_their_member_alone(xp):
    def evaluate(x):
        losses, gradients = waves(CURVATURES)(x)
        return Evaluation(losses, np.where(np.arange(MEMBERS)[:, None] == 4, [[np.nan, 1.0, 1.0, 1.0, 1.0]], gradients))

    with np.errstate(all="ignore"):
        (after,), _ = fit(evaluate, STARTS, xp, np.ones(MEMBERS), steps=1)
    assert np.flatnonzero(np.isnan(after).any(1)).tolist() == [4]


def test_a_member_at_its_minimum_stays_and_remembers_nothing(xp):
    quadratic = lambda x: Evaluation((x**2).sum(1) / 2, x)
    found, state = fit(quadratic, np.array([[0.0, 0.0], [1.0, 2.0]]), xp, np.ones(2), steps=4)
    assert (found[:, 0] == 0).all()
    assert state["started"].tolist() == [0.0, 1.0]
    np.testing.assert_allclose(found[-1], 0.0, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"history": 0},
        {"evaluations": 0},
        {"gradient_tolerance": -1.0},
        {"change_tolerance": -1.0},
        {"learning_rate": 0.0},
    ],
    ids=str,
)
def test_settings_out_of_range_are_named(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        LBFGS(**options)
