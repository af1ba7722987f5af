"""Convolution, pooling and padding give the values and gradients of torch, whose channels come first."""

import math

import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.nn.layers import AvgPool2d, Conv2d, Flatten, MaxPool2d, Reshape
from gmcore.ports import Pass

pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(5, 9, 7, 4))
CLOSE = {"rtol": 1e-11, "atol": 1e-12}

CONVOLUTIONS = [
    Conv2d(6, 3),
    Conv2d(6, (3, 2), stride=(2, 1), padding=(1, 2)),
    Conv2d(6, 3, padding="same", dilation=2),
    Conv2d(6, (2, 3), stride=(1, 3), groups=2, bias=False),
    Conv2d(8, 3, padding=1, groups=4, initialization="he_normal"),
]
POOLS = [
    (MaxPool2d(2), lambda functional, x: functional.max_pool2d(x, 2)),
    (MaxPool2d((3, 2), stride=1, padding=1), lambda functional, x: functional.max_pool2d(x, (3, 2), 1, 1)),
    (AvgPool2d(2), lambda functional, x: functional.avg_pool2d(x, 2)),
    (AvgPool2d(3, stride=(1, 2), padding=1), lambda functional, x: functional.avg_pool2d(x, 3, (1, 2), 1)),
    (
        AvgPool2d(3, padding=(0, 1), include_padding=False),
        lambda functional, x: functional.avg_pool2d(x, 3, padding=(0, 1), count_include_pad=False),
    ),
]


def first(x):
    """Return `(rows, height, width, channels)` as `(rows, channels, height, width)`."""
    return np.moveaxis(x, -1, 1).copy()


def tensor(torch, x):
    return torch.tensor(x, requires_grad=True)


def found_by(backend, layer, params, images, scales):
    """Return the outputs, and the gradients of their sum weighted by `scales`, by the parameters and inputs."""

    def total(both, scales):
        params, inputs = both
        outputs = layer.apply(Variables(params), inputs, Pass(xp=backend.xp, training=True))
        return backend.xp.sum(scales * outputs), outputs

    arguments = backend.asarray(((params, images), scales))
    (_, outputs), (slopes, of_inputs) = backend.to_numpy(backend.value_and_grad(total)(*arguments))
    return outputs, slopes, of_inputs


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=repr)
def test_a_convolution_is_torchs(torch, double, layer):
    params = layer.init(np.random.default_rng(1), IMAGES.shape[1:]).params
    scales = RNG.normal(size=(len(IMAGES), *layer.output_shape(IMAGES.shape[1:])))
    x, weight = tensor(torch, first(IMAGES)), tensor(torch, np.moveaxis(params["kernel"], (3, 2), (0, 1)).copy())
    bias = tensor(torch, params["bias"]) if layer.bias else None
    outputs = torch.nn.functional.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)
    (outputs * torch.tensor(first(scales))).sum().backward()
    found, slopes, of_inputs = found_by(double, layer, params, IMAGES, scales)
    np.testing.assert_allclose(first(found), outputs.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(first(of_inputs), x.grad.numpy(), **CLOSE)
    np.testing.assert_allclose(np.moveaxis(slopes["kernel"], (3, 2), (0, 1)), weight.grad.numpy(), **CLOSE)
    if layer.bias:
        np.testing.assert_allclose(slopes["bias"], bias.grad.numpy(), **CLOSE)


@pytest.mark.parametrize(("layer", "theirs"), POOLS, ids=[repr(layer) for layer, _ in POOLS])
@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
def test_pooling_is_torchs(torch, double, layer, theirs, ties):
    images = np.round(IMAGES) if ties else IMAGES
    scales = RNG.normal(size=(len(images), *layer.output_shape(images.shape[1:])))
    x = tensor(torch, first(images))
    outputs = theirs(torch.nn.functional, x)
    (outputs * torch.tensor(first(scales))).sum().backward()
    found, _, of_inputs = found_by(double, layer, {}, images, scales)
    np.testing.assert_allclose(first(found), outputs.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(first(of_inputs), x.grad.numpy(), **CLOSE)


@pytest.mark.parametrize(
    ("strides", "output_padding", "dilation", "groups"),
    [((1, 1), (0, 0), (1, 1), 1), ((2, 3), (1, 2), (1, 1), 2), ((3, 2), (0, 1), (2, 1), 1)],
)
def test_a_transposed_convolution_is_torchs(torch, double, strides, output_padding, dilation, groups):
    kernel = RNG.normal(size=(3, 2, 6 // groups, 4))
    x, weight = tensor(torch, first(IMAGES)), tensor(torch, np.moveaxis(kernel, (3, 2), (0, 1)).copy())
    theirs = torch.nn.functional.conv_transpose2d(x, weight, None, strides, (1, 0), output_padding, groups, dilation)
    options = {
        "strides": strides, "padding": ((1, 1), (0, 0)), "dilation": dilation, "groups": groups,
        "output_padding": output_padding,
    }  # fmt: skip
    found = double.to_numpy(double.xp.conv_transpose(*double.asarray((IMAGES, kernel)), **options))
    np.testing.assert_allclose(first(found), theirs.detach().numpy(), **CLOSE)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate"])
def test_padding_is_torchs(torch, double, mode):
    theirs = torch.nn.functional.pad(torch.tensor(first(IMAGES)), (1, 2, 3, 0), mode)
    pairs, ours = ((0, 0), (3, 0), (1, 2), (0, 0)), {"replicate": "edge"}.get(mode, mode)
    found = double.to_numpy(double.xp.pad(double.asarray(IMAGES), pairs, ours))
    assert np.array_equal(first(found), theirs.numpy())


def test_the_default_initialization_draws_from_the_ranges_of_torchs_layer(torch):
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(30, 20_000, 3, groups=10)
    ours = Conv2d(20_000, 3, groups=10).init(np.random.default_rng(0), (8, 8, 30)).params
    for found, expected in ((ours["kernel"], theirs.weight), (ours["bias"], theirs.bias)):
        values = expected.detach().numpy()
        assert np.abs(found).max() == pytest.approx(np.abs(values).max(), rel=0.001)
        assert found.std() == pytest.approx(values.std(), rel=0.02)


def test_reshape_is_torchs_of_the_same_array(torch, double):
    shape = (math.prod(IMAGES.shape[1:]) // 2, 2)
    found = double.to_numpy(Reshape(shape).apply(Variables(), double.asarray(IMAGES), Pass(xp=double.xp)))
    assert np.array_equal(found, torch.tensor(IMAGES).reshape(-1, *shape).numpy())


def test_flatten_is_torchs_of_the_same_array(torch, double):
    found = double.to_numpy(Flatten().apply(Variables(), double.asarray(IMAGES), Pass(xp=double.xp)))
    assert np.array_equal(found, torch.nn.Flatten()(torch.tensor(IMAGES)).numpy())
