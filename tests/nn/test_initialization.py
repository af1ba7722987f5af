import numpy as np
import pytest

from gmcore.nn.initialization import INITIALIZATIONS

FAN_IN, FAN_OUT = 300, 400
LIMITS = {
    "torch": FAN_IN**-0.5,
    "glorot_uniform": np.sqrt(6 / (FAN_IN + FAN_OUT)),
    "he_uniform": np.sqrt(6 / FAN_IN),
}
DEVIATIONS = {"he_normal": np.sqrt(2 / FAN_IN), "lecun_normal": FAN_IN**-0.5}


def drawn(name, seed=0, fan_in=FAN_IN, fan_out=FAN_OUT):
    return INITIALIZATIONS[name](np.random.default_rng(seed), fan_in, fan_out)


def test_every_initialization_is_covered_here():
    assert {*LIMITS, *DEVIATIONS} == set(INITIALIZATIONS)


# Of 120,000 draws, the typical error of the standard deviation is 0.2 %, that of the mean 0.3 % of a deviation.
@pytest.mark.parametrize("name", LIMITS)
def test_uniform_weights_are_uniform_within_their_limit(name):
    weight, limit = drawn(name)[0], LIMITS[name]
    assert 0.999 * limit < np.abs(weight).max() <= limit
    assert weight.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    assert weight.mean() == pytest.approx(0, abs=0.01 * limit)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_normal_weights_have_their_deviation_and_normal_tails(name):
    weight, deviation = drawn(name)[0], DEVIATIONS[name]
    assert weight.std() == pytest.approx(deviation, rel=0.01)
    assert weight.mean() == pytest.approx(0, abs=0.01 * deviation)
    assert (np.abs(weight) > 2 * deviation).mean() == pytest.approx(0.0455, abs=0.004)


def test_biases_are_zero_except_torchs():
    biases = {name: drawn(name, fan_out=40_000)[1] for name in INITIALIZATIONS}
    limit = LIMITS["torch"]
    assert 0.999 * limit < np.abs(biases["torch"]).max() <= limit
    assert biases.pop("torch").std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not any(bias.any() for bias in biases.values())


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_draws_are_float64_on_the_host_and_a_function_of_the_generator(name):
    first, again, other = (drawn(name, seed) for seed in (1, 1, 2))
    assert [(one.shape, one.dtype) for one in first] == [((FAN_IN, FAN_OUT), np.float64), ((FAN_OUT,), np.float64)]
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_layer_without_inputs_can_be_initialized(name):
    weight, bias = drawn(name, fan_in=0)
    assert weight.shape == (0, FAN_OUT)
    assert np.isfinite(bias).all()


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_every_backend_and_dtype_starts_from_the_same_numbers(backend, name):
    for made in drawn(name):
        found = backend.to_numpy(backend.asarray(made))
        assert found.dtype == backend.dtype
        assert np.array_equal(found, made.astype(backend.dtype))
