"""Every form of a convolution gives the same values and gradients, in a fleet with any operands of its own."""

import numpy as np
import pytest
from gm_metal_backend import MetalBackend
from gm_metal_backend.convolution import _MOST_COLUMNS, convolution

from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.windows import Convolution

RNG = np.random.default_rng(0)
MEMBERS = 3
OPTIONS = {
    "plain": {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1},
    "uneven": {"strides": (2, 1), "padding": ((1, 0), (1, 2)), "dilation": (1, 2), "groups": 2},
}
# Few columns of patches, and so many that a GPU leaves the convolution to the library.
CHANNELS = {"patches": 4, "library": 60}


def drawn(channels, groups):
    """Return the members' inputs and kernels."""
    x = RNG.normal(size=(MEMBERS, 2, 7, 6, channels))
    return x, RNG.normal(size=(MEMBERS, 3, 2, channels // groups, 6))


@pytest.fixture(scope="module")
def backend():
    return MetalBackend(dtype="float32", device="cpu")


def windows(backend, *, cpu):
    def conv(x, kernel, **options):
        shapes = Convolution.of(x.shape, kernel.shape, **options)
        return convolution(shapes, backend.xp, cpu=cpu).outputs(x, kernel)

    return conv


def of(one, axis, member):
    return one if axis is None else one[member]


def test_the_cases_are_computed_by_the_forms_they_are_named_after():
    columns = {name: 3 * 2 * channels // OPTIONS["uneven"]["groups"] for name, channels in CHANNELS.items()}
    assert columns["patches"] <= _MOST_COLUMNS < columns["library"]


@pytest.mark.parametrize("channels", CHANNELS.values(), ids=CHANNELS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)], ids=str)
def test_a_gpus_forms_give_each_member_what_it_has_alone(backend, channels, options, axes):
    xp = backend.xp
    operands = [
        one if axis == 0 else one[0] for one, axis in zip(drawn(channels, options["groups"]), axes, strict=True)
    ]
    members = [[of(one, axis, k) for one, axis in zip(operands, axes, strict=True)] for k in range(MEMBERS)]
    expected = np.stack([NumPyNamespace().conv(*own, **options) for own in members])
    scales = RNG.normal(size=expected.shape)

    def total(conv, operands, scales):
        outputs = backend.vmap(lambda x, kernel: conv(x, kernel, **options), in_axes=axes)(*operands)
        return xp.sum(outputs * scales), outputs

    def alone(conv, operands, scales):
        own = ([of(one, axis, k) for one, axis in zip(operands, axes, strict=True)] for k in range(MEMBERS))
        return xp.sum(xp.stack([conv(*one, **options) for one in own]) * scales), None

    given = backend.asarray((operands, scales))

    def gradients(fn, *, cpu):
        slopes = backend.value_and_grad(lambda operands, scales: fn(windows(backend, cpu=cpu), operands, scales))
        return backend.to_numpy(backend.compile(slopes, loops=True)(*given))

    (_, outputs), slopes = gradients(total, cpu=False)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-3)
    for found, wanted in zip(slopes, gradients(alone, cpu=True)[1], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_a_gradient_is_differentiated_again(backend):
    options = OPTIONS["uneven"]
    x, kernel = (one[0] for one in drawn(4, 2))

    def squared_slope(kernel, x):
        def total(x):
            return backend.xp.sum(backend.xp.square(backend.xp.conv(x, kernel, **options))), None

        return backend.xp.sum(backend.xp.square(backend.value_and_grad(total)(x)[1])), None

    twice = backend.compile(backend.value_and_grad(squared_slope), loops=True)
    (value, _), slope = twice(*backend.asarray((kernel, x)))
    # It is homogeneous, of degree 4 in the kernel: Euler's theorem gives the derivative along the kernel.
    assert np.sum(backend.to_numpy(slope) * kernel) == pytest.approx(4 * float(backend.to_numpy(value)), rel=1e-4)


def test_a_fleet_of_fleets_is_a_fleet(backend):
    options = OPTIONS["uneven"]
    x, kernel = (np.stack([one, one[::-1]]) for one in drawn(4, 2))
    conv = lambda x, kernel: backend.xp.conv(x, kernel, **options)
    found = backend.to_numpy(
        backend.compile(backend.vmap(backend.vmap(conv)), loops=True)(*backend.asarray((x, kernel)))
    )
    once = backend.to_numpy(backend.compile(backend.vmap(conv), loops=True)(*backend.asarray((x[0], kernel[0]))))
    np.testing.assert_allclose(found, np.stack([once, once[::-1]]), rtol=1e-4, atol=1e-3)
