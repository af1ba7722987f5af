"""Activations: what holds for every registered one, and torch's numbers for those that torch has."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import Variables
from gmcore.nn.layers import (
    ELU,
    GELU,
    Activation,
    Dropout,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Pass

REGISTRY = gmcore.float64.layers
REGISTERED = [name for name, make in REGISTRY.items() if isinstance(make, type) and issubclass(make, Activation)]
FORMS = [*map(REGISTRY.create, REGISTERED), GELU(approximate="tanh"), ELU(alpha=1.5)]

X = np.array([-3.0, -0.5, 0.0, 0.5, 3.0])
SCALES = np.arange(1.0, 6.0)

# Written by torch 2.13 in float64, Mish by 50 digits: the value at X, and the gradient of sum(SCALES * value).
TORCH = [
    (
        ReLU(),
        [0.0, 0.0, 0.0, 0.5, 3.0],
        [0.0, 0.0, 0.0, 4.0, 5.0],
    ),
    (
        LeakyReLU(),
        [-0.03, -0.005, 0.0, 0.5, 3.0],
        [0.01, 0.02, 0.03, 4.0, 5.0],
    ),
    (
        ELU(alpha=1.5),
        [-1.4253193974482041, -0.5902040104310499, 0.0, 0.5, 3.0],
        [0.07468060255179591, 1.8195919791379003, 4.5, 4.0, 5.0],
    ),
    (
        GELU(),
        [-0.00404969409489031, -0.15426876936299344, 0.0, 0.34573123063700656, 2.99595030590511],
        [-0.01194564720418392, 0.26500975068767424, 1.5, 3.4699804986246514, 5.05972823602092],
    ),
    (
        GELU(approximate="tanh"),
        [-0.0036373920817729943, -0.15428599017485606, 0.0, 0.34571400982514394, 2.996362607918227],
        [-0.011584166630969648, 0.2652601929307153, 1.5, 3.4694796141385695, 5.0579208331548475],
    ),
    (
        SiLU(),
        [-0.14227761953270035, -0.1887703343990727, 0.0, 0.3112296656009273, 2.8577223804672998],
        [-0.08810410601516962, 0.5200776253946964, 1.5, 2.9598447492106077, 5.440520530075847],
    ),
    (
        Mish(),
        [-0.14564746127562458, -0.22074377465173, 0.0, 0.37524521130489513, 2.9865350049679575],
        [-0.09339311453232084, 0.5790213558270244, 1.8, 3.545697501430909, 5.105534554647219],
    ),
    (
        Tanh(),
        [-0.9950547536867305, -0.46211715726000974, 0.0, 0.46211715726000974, 0.9950547536867305],
        [0.009866037165440166, 1.5728954659318548, 3.0, 3.1457909318637096, 0.049330185827200834],
    ),
    (
        Sigmoid(),
        [0.04742587317756678, 0.3775406687981454, 0.5, 0.6224593312018546, 0.9525741268224334],
        [0.04517665973091214, 0.470007424403189, 0.75, 0.940014848806378, 0.22588329865456],
    ),
    (
        Softmax(),
        [0.0021285097269069042, 0.02593055689334196, 0.04275226071115273, 0.07048656160499489, 0.8587021110636035],
        [-0.007998307827748343, -0.07150877991404954, -0.07514578577495484, -0.05340789380564828, 0.20806076732240092],
    ),
]
of_torch = pytest.mark.parametrize(("layer", "values", "gradients"), TORCH, ids=[repr(layer) for layer, *_ in TORCH])
each = pytest.mark.parametrize("layer", FORMS, ids=repr)


@of_torch
def test_values_are_torchs(apply, layer, values, gradients):
    assert apply(layer, X[None])[0] == pytest.approx(values, rel=1e-13, abs=1e-15)


@of_torch
def test_gradients_are_torchs_also_at_zero(double, layer, values, gradients):
    def total(x, scales):
        return double.xp.sum(scales * layer.of(x, double.xp)), ()

    _, found = double.value_and_grad(total)(double.asarray(X), double.asarray(SCALES))
    assert double.to_numpy(found) == pytest.approx(gradients, rel=1e-12)


def test_the_registry_has_the_activations_of_this_file():
    assert {type(layer) for layer, *_ in TORCH} <= {REGISTRY[name] for name in REGISTERED}


@each
def test_gradients_equal_central_differences(double, layer):
    x = np.array([[-2.0, -0.7, 0.4, 1.1, 2.5]])

    def total(x, scales):
        return double.xp.sum(scales * layer.of(x, double.xp)), ()

    def moved(step):
        return np.sum(SCALES * layer.of(x + step, NumPyNamespace()))

    _, found = double.value_and_grad(total)(*double.asarray((x, SCALES)))
    slopes = [(moved(1e-6 * column) - moved(-1e-6 * column)) / 2e-6 for column in np.eye(5)]
    assert double.to_numpy(found)[0] == pytest.approx(slopes, rel=1e-7, abs=1e-8)  # differences keep about nine digits


@each
def test_the_shape_stays_and_there_are_no_variables(apply, layer):
    variables = layer.init(np.random.default_rng(0), (3, 4))
    assert layer.output_shape((3, 4)) == (3, 4)
    assert (variables.params, variables.buffers) == ({}, {})
    assert apply(layer, np.ones((2, 3, 4))).shape == (2, 3, 4)


@each
def test_nan_stays_nan(apply, layer):
    assert np.isnan(apply(layer, np.array([[np.nan]]))).all()


@each
def test_large_inputs_do_not_overflow(double, layer):
    def total(x):
        outputs = layer.of(x, double.xp)
        return double.xp.sum(outputs), outputs

    (_, outputs), gradients = double.value_and_grad(total)(double.asarray(np.array([[-1000.0, 1000.0]])))
    assert np.isfinite(double.to_numpy(outputs)).all()
    assert np.isfinite(double.to_numpy(gradients)).all()


@each
def test_the_summary_shows_the_settings(layer):
    assert layer.describe((3,)) == repr(layer)


def test_softmax_sums_to_one_and_ignores_a_common_shift(apply):
    scores = np.array([[1.0, 2.0, 3.0], [1001.0, 1002.0, 1003.0]])
    shares = apply(Softmax(), scores)
    assert shares.sum(axis=1) == pytest.approx([1, 1])
    assert shares[0] == pytest.approx(shares[1])
    # Over the last axis, however many there are.
    np.testing.assert_array_equal(apply(Softmax(), np.stack([scores, scores - 1, -scores], axis=1))[:, 0], shares)


def test_softmax_of_a_row_with_an_infinite_score_is_nan(backend):
    scores = np.array([[np.inf, 0.0, 1.0], [-np.inf, 0.0, 0.0]])
    for function, of_smallest in ((backend.xp.softmax, 0.0), (backend.xp.log_softmax, -np.inf)):
        of_infinite, of_others = backend.to_numpy(
            backend.compile(lambda x, fn=function: fn(x))(backend.asarray(scores))
        )
        assert np.isnan(of_infinite).all()
        assert of_others[0] == of_smallest
        assert np.isfinite(of_others[1:]).all()


@attrs.frozen
class WithoutFormula(Activation):
    pass


def test_an_activation_without_a_formula_can_not_be_made():
    with pytest.raises(TypeError, match=r"abstract.*of"):
        WithoutFormula()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LeakyReLU(negative_slope=1.0), "negative_slope.*1.0"),
        (lambda: ELU(alpha=0.0), "alpha.*0.0"),
        (lambda: GELU(approximate="sigmoid"), "approximate.*sigmoid"),
    ],
)
def test_a_setting_out_of_range_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
@pytest.mark.parametrize("layer", [*FORMS, Dropout(0.25)], ids=repr)
def test_narrow_inputs_give_narrow_outputs(backend_class, layer, compute):
    backend = backend_class(compute=compute, device="cpu")
    fresh = layer.init(np.random.default_rng(0), (5,))
    key = backend.asarray(np.array([1, 2], np.uint32))

    def passed(buffers, inputs, key):
        narrow = backend.xp.astype(inputs, backend.xp.compute)
        return layer.apply(Variables({}, buffers), narrow, Pass(xp=backend.xp, key=key, training=True))

    outputs = backend.compile(passed)(backend.asarray(fresh.buffers), backend.asarray(X[None]), key)
    assert outputs.dtype == backend.xp.compute
    assert outputs.shape == (1, 5)


@each
def test_large_inputs_do_not_overflow_in_float16(backend_class, layer):
    backend = backend_class(compute="float16", device="cpu")
    xp = backend.xp

    def total(x):
        outputs = layer.of(xp.astype(x, xp.compute), xp)
        return xp.sum(xp.astype(outputs, xp.float)), xp.astype(outputs, xp.float)

    (_, outputs), gradients = backend.value_and_grad(total)(backend.asarray(np.array([[-6e4, -300.0, 300.0, 6e4]])))
    assert np.isfinite(backend.to_numpy(outputs)).all()
    assert np.isfinite(backend.to_numpy(gradients)).all()
