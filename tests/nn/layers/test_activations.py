import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.nn.layers import ACTIVATIONS, ELU, GELU, Dropout, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh

X = np.array([-3.0, -0.5, 0.0, 0.5, 3.0])
SCALES = np.arange(1.0, 6.0)

# Written by torch 2.13 in float64: the value at X, and the gradient of sum(SCALES * value).
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
each = pytest.mark.parametrize(("layer", "values", "gradients"), TORCH, ids=[repr(layer) for layer, *_ in TORCH])


@each
def test_values_are_torchs(apply, layer, values, gradients):
    assert apply(layer, X[None])[0] == pytest.approx(values, rel=1e-13, abs=1e-15)


@each
def test_gradients_are_torchs_also_at_zero(double, layer, values, gradients):
    def total(x, scales):
        outputs, _ = layer.apply(layer.init(None, ()), x, xp=double.xp, key=None, training=False)
        return double.xp.sum(scales * outputs), ()

    _, found = double.value_and_grad(total)(double.asarray(X), double.asarray(SCALES))
    assert double.to_numpy(found) == pytest.approx(gradients, rel=1e-12)


@each
def test_a_shape_goes_through_and_nothing_is_learnt(layer, values, gradients):
    variables = layer.init(np.random.default_rng(0), (3, 4))
    assert layer.output_shape((3, 4)) == (3, 4)
    assert (variables.params, variables.buffers) == ({}, {})


@each
def test_nan_is_not_hidden(apply, layer, values, gradients):
    assert np.isnan(apply(layer, np.array([[np.nan]]))).all()


@pytest.mark.parametrize("layer", [layer for layer, *_ in TORCH if not isinstance(layer, Softmax)], ids=repr)
def test_large_scores_do_not_overflow(double, layer):
    def total(x):
        outputs, _ = layer.apply(layer.init(None, ()), x, xp=double.xp, key=None, training=False)
        return double.xp.sum(outputs), outputs

    (_, outputs), gradients = double.value_and_grad(total)(double.asarray(np.array([-1000.0, 1000.0])))
    assert np.isfinite(double.to_numpy(outputs)).all()
    assert np.isfinite(double.to_numpy(gradients)).all()


def test_softmax_sums_to_one_and_ignores_a_common_shift(apply):
    scores = np.array([[1.0, 2.0, 3.0], [1001.0, 1002.0, 1003.0]])
    shares = apply(Softmax(), scores)
    assert shares.sum(axis=1) == pytest.approx([1, 1])
    assert shares[0] == pytest.approx(shares[1])


def test_the_menu_has_every_activation():
    assert set(ACTIVATIONS.values()) == {type(layer) for layer, *_ in TORCH}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LeakyReLU(negative_slope=1.0), "negative_slope.*1.0"),
        (lambda: ELU(alpha=0.0), "alpha.*0.0"),
        (lambda: GELU(approximate="sigmoid"), "approximate.*sigmoid"),
    ],
)
def test_a_setting_out_of_range_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
@pytest.mark.parametrize("layer", [*(kind() for kind in ACTIVATIONS.values()), GELU(approximate="tanh"), Dropout(0.25)])
def test_what_is_narrow_leaves_narrow(backend_class, layer, compute):
    backend = backend_class(compute=compute, device="cpu")
    fresh = layer.init(np.random.default_rng(0), (5,))
    key = backend.asarray(np.array([1, 2], np.uint32))

    def passed(buffers, inputs, key):
        narrow = backend.xp.astype(inputs, backend.xp.compute)
        return layer.apply(Variables({}, buffers), narrow, xp=backend.xp, key=key, training=True)[0]

    outputs = backend.compile(passed)(backend.asarray(fresh.buffers), backend.asarray(X[None]), key)
    assert outputs.dtype == backend.xp.compute
    assert outputs.shape == (1, 5)
