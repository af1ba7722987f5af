"""Accuracy in float64: values and gradients to a few units in the last place, against NumPy's extended precision."""

import math

import numpy as np
import pytest

LONG = np.longdouble
ROOT_PI = np.sqrt(LONG(math.pi))
NEAR = np.concatenate([np.linspace(-8, 8, 4001), np.logspace(-30, 0, 91), -np.logspace(-30, 0, 91)])
FAR = np.linspace(-700, 700, 2801)
BOTH = np.concatenate([NEAR, FAR])


def _erf(x):
    return np.vectorize(math.erf)(x.astype(np.float64)).astype(LONG)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


FUNCTIONS = {
    "exp": (BOTH, np.exp, np.exp),
    "sin": (BOTH, np.sin, np.cos),
    "cos": (BOTH, np.cos, lambda x: -np.sin(x)),
    "erf": (NEAR, _erf, lambda x: 2 / ROOT_PI * np.exp(-x * x)),
    "sigmoid": (BOTH, _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    "softplus": (BOTH, lambda x: np.logaddexp(x, LONG(0)), _sigmoid),
    "tanh": (NEAR, np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "expm1": (NEAR, np.expm1, np.exp),
    "log1p": (np.abs(BOTH), np.log1p, lambda x: 1 / (1 + x)),
    "sqrt": (np.abs(BOTH) + 1e-30, np.sqrt, lambda x: 1 / (2 * np.sqrt(x))),
}


def _error(found, expected):
    """Return the largest relative error among the values that float64 can represent at full precision."""
    kept = (np.abs(expected) > 1e-300) & (np.abs(expected) < 1e300)
    return float(np.max(np.abs((found[kept] - expected[kept]) / expected[kept])))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_exact_to_float64(exact, name):
    places, reference, _ = FUNCTIONS[name]
    found = exact.to_numpy(getattr(exact.xp, name)(exact.asarray(places)))
    assert found.dtype == np.float64
    assert _error(found, reference(places.astype(LONG))) < 1e-15


@pytest.mark.parametrize("transform", ["alone", "vmap", "compile"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_exact_to_float64(exact, name, transform):
    around = {"alone": lambda fn: fn, "vmap": exact.vmap, "compile": exact.compile}[transform]
    places, _, derivative = FUNCTIONS[name]
    fn = getattr(exact.xp, name)
    gradient = exact.value_and_grad(lambda x: (exact.xp.sum(around(fn)(x)), ()))
    found = exact.to_numpy(gradient(exact.asarray(places))[1])
    expected = derivative(places.astype(LONG))
    if name == "tanh":
        # MLX computes 1 - tanh², which is accurate to a unit in the last place of 1.
        assert np.max(np.abs(found - expected)) < 5e-16
    else:
        # The gradient of erf is exp(-x²), which amplifies the rounding error of x², which is up to 64.
        assert _error(found, expected) < (64e-16 if name == "erf" else 1e-15)


@pytest.mark.parametrize(
    ("name", "place", "value", "slope"),
    [
        ("exp", 100.0, math.exp(100), math.exp(100)),
        ("exp", -100.0, math.exp(-100), math.exp(-100)),
        ("exp", math.inf, math.inf, math.inf),
        ("exp", -math.inf, 0.0, 0.0),
        ("exp", 710.0, math.inf, math.inf),
        ("sigmoid", math.inf, 1.0, 0.0),
        ("sigmoid", -math.inf, 0.0, 0.0),
        ("sigmoid", 0.0, 0.5, 0.25),
        ("softplus", 0.0, math.log(2), 0.5),
        ("softplus", 1e300, 1e300, 1.0),
        ("softplus", math.inf, math.inf, 1.0),
        ("softplus", -math.inf, 0.0, 0.0),
        ("erf", math.inf, 1.0, 0.0),
        ("erf", -40.0, -1.0, 0.0),
        ("erf", 0.0, 0.0, 2 / math.sqrt(math.pi)),
        ("sin", 0.0, 0.0, 1.0),
        ("cos", 0.0, 1.0, 0.0),
    ],
)
def test_edges_have_their_limits(exact, name, place, value, slope):
    fn = getattr(exact.xp, name)
    gradient = exact.value_and_grad(lambda x: (exact.xp.sum(fn(x)), ()))
    (found, _), found_slope = exact.to_numpy(gradient(exact.asarray(np.array([place]))))
    assert found == pytest.approx(value, rel=1e-15)
    assert found_slope[0] == pytest.approx(slope, rel=1e-15)


@pytest.mark.parametrize("name", ["exp", "sin", "cos", "erf", "sigmoid", "softplus"])
def test_nan_stays_nan(backend, name):
    found = getattr(backend.xp, name)(backend.asarray(np.array([math.nan])))
    assert np.isnan(backend.to_numpy(found)).all()


def test_softmax_log_softmax_and_logsumexp_are_exact(exact):
    x = np.random.default_rng(0).normal(scale=3, size=(50, 7))
    wide = x.astype(LONG)
    total = np.log(np.exp(wide).sum(-1, keepdims=True))
    xp, device = exact.xp, exact.asarray(x)
    # Intermediate differences of up to 16 are rounded, and so is a difference of these.
    assert _error(exact.to_numpy(xp.softmax(device)), np.exp(wide - total)) < 16e-16
    assert exact.to_numpy(xp.log_softmax(device)) == pytest.approx((wide - total).astype(float), rel=0, abs=32e-16)
    assert _error(exact.to_numpy(xp.logsumexp(device, axis=-1)), total[:, 0]) < 1e-15


def test_softmax_does_not_overflow(exact):
    far = exact.asarray(np.array([[1e300, -1e300, 1e300]]))
    assert exact.to_numpy(exact.xp.softmax(far)).tolist() == [[0.5, 0.0, 0.5]]
    assert exact.to_numpy(exact.xp.logsumexp(far, axis=-1)) == 1e300


def test_logsumexp_of_minus_infinity_is_minus_infinity(exact):
    x = exact.asarray(np.full((1, 3), -math.inf))
    assert exact.to_numpy(exact.xp.logsumexp(x, axis=-1)) == -math.inf


def test_the_gradient_of_cross_entropy_is_softmax_minus_one_hot(exact):
    xp, logits = exact.xp, np.random.default_rng(1).normal(scale=30, size=(20, 5))
    loss = lambda x: (-xp.sum(xp.log_softmax(x)[:, 2]), ())
    found = exact.to_numpy(exact.value_and_grad(loss)(exact.asarray(logits))[1])
    shares = np.exp((logits - logits.max(-1, keepdims=True)).astype(LONG))
    shares /= shares.sum(-1, keepdims=True)
    assert np.max(np.abs(found - (shares - np.eye(5)[2]))) < 1e-15


def test_constants_stay_exact_in_compiled_functions(exact):
    fn = lambda x: exact.xp.maximum(x * 0.1 + 1 / 3, 0.7) ** 1.5
    x = np.linspace(0, 9, 10)
    found = exact.to_numpy(exact.compile(fn)(exact.asarray(x)))
    assert found == pytest.approx(np.maximum(x * 0.1 + 1 / 3, 0.7) ** 1.5, rel=1e-15)


def test_where_of_two_python_numbers_has_the_backends_dtype(backend):
    xp = backend.xp
    found = xp.where(xp.ones((2,)) > 0, 0.1, 0.2)
    assert backend.to_numpy(found).dtype == backend.dtype
    assert backend.to_numpy(found) == pytest.approx(0.1, rel=0, abs=0) or backend.dtype == "float32"
