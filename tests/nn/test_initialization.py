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


def test_every_start_is_held_to_its_formula():
    assert {*LIMITS, *DEVIATIONS} == set(INITIALIZATIONS)


# 120,000 draws: a standard deviation, and a mean in units of it, are off by 0.2 and 0.3 % typically.
@pytest.mark.parametrize("name", LIMITS)
def test_uniform_weights_stay_within_their_limit_and_fill_it_evenly(name):
    weight, limit = drawn(name)[0], LIMITS[name]
    assert 0.999 * limit < np.abs(weight).max() <= limit
    assert weight.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    assert weight.mean() == pytest.approx(0, abs=0.01 * limit)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_normal_weights_have_their_deviation_and_a_normals_tails(name):
    weight, deviation = drawn(name)[0], DEVIATIONS[name]
    assert weight.std() == pytest.approx(deviation, rel=0.01)
    assert weight.mean() == pytest.approx(0, abs=0.01 * deviation)
    assert (np.abs(weight) > 2 * deviation).mean() == pytest.approx(0.0455, abs=0.004)


def test_biases_start_at_zero_but_for_torchs():
    biases = {name: drawn(name, fan_out=40_000)[1] for name in INITIALIZATIONS}
    limit = LIMITS["torch"]
    assert 0.999 * limit < np.abs(biases["torch"]).max() <= limit
    assert biases.pop("torch").std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not any(bias.any() for bias in biases.values())


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_start_is_float64_on_the_host_and_a_function_of_the_generator(name):
    first, again, other = (drawn(name, seed) for seed in (1, 1, 2))
    assert [(one.shape, one.dtype) for one in first] == [((FAN_IN, FAN_OUT), np.float64), ((FAN_OUT,), np.float64)]
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_layer_that_nothing_comes_into_starts(name):
    weight, bias = drawn(name, fan_in=0)
    assert weight.shape == (0, FAN_OUT)
    assert np.isfinite(bias).all()


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_every_backend_and_dtype_starts_from_the_same_numbers(backend, name):
    for made in drawn(name):
        found = backend.to_numpy(backend.asarray(made))
        assert found.dtype == backend.dtype
        assert np.array_equal(found, made.astype(backend.dtype))


def test_torchs_start_is_torchs():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.Linear(FAN_IN, 40_000)
    for ours, theirs in zip(drawn("torch", fan_out=40_000), (layer.weight, layer.bias), strict=True):
        values = theirs.detach().numpy()
        assert np.abs(ours).max() == pytest.approx(np.abs(values).max(), rel=0.001)
        assert ours.std() == pytest.approx(values.std(), rel=0.02)
