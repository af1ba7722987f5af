"""One-step approximation: gradients through the last steps of each block, and the outputs of backpropagation."""

import numpy as np
import pytest

import gmcore
from gmcore.domain import Variables
from gmcore.nn.gradients import Accumulation, Backpropagation, OneStepApproximation, Recomputation
from gmcore.nn.layers import GRU, Dense, Sequential
from gmcore.nn.layers.recurrent import is_recurrent
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Pass

STEPS, ROWS = 5, 3
X = np.random.default_rng(0).normal(size=(ROWS, STEPS, 2))
XP = NumPyNamespace("float64")


@pytest.fixture(params=list(gmcore.float64.backends))
def backend(request):
    return gmcore.float64.backends.create(request.param, device="cpu")


def parameters(layer):
    return layer.init(np.random.default_rng(1), (STEPS, 2)).params


def outputs(layer, params, x=X, xp=XP, truncation=None):
    return layer.apply(Variables(params), x, Pass(xp=xp, training=True, truncation=truncation))


def gradients(layer, backend, truncation):
    def total(params, x):
        at = Pass(xp=backend.xp, training=True, truncation=truncation)
        return backend.xp.sum(backend.xp.square(layer.apply(Variables(params), x, at))), None

    params, x = backend.asarray((parameters(layer), X))
    return backend.to_numpy(backend.value_and_grad(total)(params, x)[1])


def with_frozen_states(layer, params, steps):
    """Return a GRU's outputs after each step, whose blocks start from the states of `parameters`, by one pass each."""
    exact = outputs(GRU(layer.units, return_sequences=True), parameters(layer))
    found = []
    for end in range(STEPS):
        # The block that step `end` is in, counted from the end of the sequence.
        start = max(0, STEPS - -(-(STEPS - end) // steps) * steps)
        state = exact[:, start - 1] if start else np.zeros((ROWS, layer.units))
        for step in range(start, end + 1):
            state = next_state(layer, params, state, X[:, step])
        found.append(state)
    return np.stack(found, axis=1)


def next_state(layer, params, state, x):
    """Return the state after one step, by the formula in the docstring of `GRU`."""
    units = layer.units
    of_input = x @ params["input_weight"] + params["input_bias"]
    of_state = state @ params["hidden_weight"] + params["hidden_bias"]
    gates = 1 / (1 + np.exp(-(of_input[:, : 2 * units] + of_state[:, : 2 * units])))
    candidate = np.tanh(of_input[:, 2 * units :] + gates[:, :units] * of_state[:, 2 * units :])
    return candidate + gates[:, units:] * (state - candidate)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 9])
def test_gradients_are_those_with_the_state_before_each_block_held_fixed(backend, steps):
    layer = GRU(2, return_sequences=True)
    start, found = parameters(layer), gradients(layer, backend, steps)
    for name, leaf in start.items():
        for place in np.ndindex(leaf.shape):
            ends = []
            for change in (1e-5, -1e-5):
                moved = leaf.copy()
                moved[place] += change
                ends.append(np.sum(with_frozen_states(layer, {**start, name: moved}, steps) ** 2))
            assert found[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-8), (name, place)


def test_blocks_as_long_as_the_sequence_have_the_exact_gradient_and_shorter_ones_have_not(backend):
    layer = GRU(3)
    exact, whole, one = (gradients(layer, backend, truncation) for truncation in (None, STEPS, 1))
    np.testing.assert_equal(whole, exact)
    assert not np.allclose(one["hidden_weight"], exact["hidden_weight"])


@pytest.mark.parametrize("truncation", [1, 2])
def test_outputs_are_those_of_backpropagation_to_the_bit(backend, truncation):
    layer = Sequential([GRU(3, return_sequences=True), GRU(2), Dense(1)])
    params, x = backend.asarray((layer.init(np.random.default_rng(1), (STEPS, 2)).params, X))
    plain, cut = (backend.to_numpy(outputs(layer, params, x, backend.xp, cut)) for cut in (None, truncation))
    np.testing.assert_array_equal(plain, cut)


def test_strategies_hand_on_what_an_inner_one_tells_layers(backend):
    at, nested = Pass(xp=backend.xp), OneStepApproximation(steps=3)
    for strategy in (
        nested,
        Accumulation(parts=2, then=nested),
        Recomputation(then=Accumulation(parts=2, then=nested)),
    ):
        assert strategy.training_pass(at, backend=backend).truncation == 3
    assert Recomputation().training_pass(at, backend=backend).checkpoint is not None
    assert Backpropagation().training_pass(at, backend=backend) is at


def test_it_is_set_once():
    with pytest.raises(ValueError, match="must not contain another one_step_approximation, got steps 1 and 1: set"):
        OneStepApproximation(then=Accumulation(parts=2, then=OneStepApproximation()))


@pytest.mark.parametrize("steps", [0, -1, 1.5, True])
def test_a_number_of_steps_that_is_none_is_refused(steps):
    with pytest.raises(ValueError, match="steps"):
        OneStepApproximation(steps=steps)


def test_layers_tell_whether_truncation_changes_their_gradients():
    assert is_recurrent(Sequential([GRU(2), Dense(1)]), (STEPS, 2))
    assert not is_recurrent(Sequential([Dense(2), Dense(1)]), (2,))
