import numpy as np
import pytest

import gmcore
from gmcore.domain import Variables
from gmcore.nn.initialization import INITIALIZATIONS
from gmcore.nn.layers import Conv2d
from gmcore.ports import Pass

IMAGE = np.arange(12.0).reshape(1, 3, 4, 1)


def kernel_of(*rows):
    return np.array(rows, float)[:, :, None, None]


def test_the_kernel_is_not_flipped(apply):
    known = Variables({"kernel": kernel_of([1.0, 10.0], [100.0, 0.0]), "bias": np.array([0.5])})
    expected = [[[410.5, 521.5, 632.5], [854.5, 965.5, 1076.5]]]
    assert apply(Conv2d(1, 2), IMAGE, known)[..., 0].tolist() == expected


def test_zeros_are_added_around_a_row(apply):
    ones = Variables({"kernel": kernel_of([1.0, 1.0, 1.0])})
    wide = apply(Conv2d(1, (1, 3), padding=(0, 1), bias=False), IMAGE, ones)
    assert wide[0, :, :, 0].tolist() == [[1, 3, 6, 5], [9, 15, 18, 13], [17, 27, 30, 21]]


@pytest.mark.parametrize("layer", [Conv2d(2, 3, padding="same"), Conv2d(2, (5, 2), padding="same", dilation=(1, 2))])
def test_padding_same_keeps_height_and_width(apply, layer):
    assert layer.output_shape((3, 4, 1)) == (3, 4, 2)
    assert apply(layer, IMAGE).shape == (1, 3, 4, 2)


def test_a_group_sees_its_own_channels_alone(apply):
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 4))
    layer = Conv2d(6, 3, groups=2)
    variables = layer.init(np.random.default_rng(1), (4, 4, 4))
    outputs = apply(layer, images, variables)
    images[..., :2] = 0.0
    assert np.array_equal(apply(layer, images, variables)[..., 3:], outputs[..., 3:])
    assert not np.isclose(apply(layer, images, variables)[..., :3], outputs[..., :3]).any()


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_kernel_and_bias_are_drawn_by_the_initialization(initialization):
    layer = Conv2d(4, (3, 2), groups=2, initialization=initialization)
    fresh = layer.init(np.random.default_rng(0), (8, 8, 6)).params
    kernel, bias = INITIALIZATIONS[initialization](np.random.default_rng(0), 3 * 2 * 3, 3 * 2 * 2, (3, 2, 3, 4))
    assert np.array_equal(fresh["kernel"], kernel)
    assert np.array_equal(fresh["bias"], bias)


def test_a_layer_without_bias_has_none():
    assert list(Conv2d(4, 3, bias=False).init(np.random.default_rng(0), (8, 8, 1)).params) == ["kernel"]


def test_the_description_has_the_number_of_inputs_and_what_is_not_default():
    assert Conv2d(8, 3).describe((9, 9, 1)) == "Conv2d(in_channels=1, out_channels=8, kernel_size=(3, 3))"
    described = Conv2d(8, 3, stride=2, padding=1, bias=False).describe((9, 9, 1))
    assert described.endswith("kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)")


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_a_narrow_layer_accumulates_its_gradients_as_float(backend_class, compute):
    backend = backend_class(compute=compute, device="cpu")
    xp, layer = backend.xp, Conv2d(1, 1)

    def loss(params, x):
        outputs = layer.apply(Variables(params), x, Pass(xp=xp, training=True))
        assert outputs.dtype == xp.compute
        return xp.sum(xp.astype(outputs, xp.float)), None

    params = backend.asarray({"kernel": np.zeros((1, 1, 1, 1)), "bias": np.zeros(1)})
    _, gradients = backend.value_and_grad(loss)(params, backend.asarray(np.ones((8, 32, 32, 1))))
    assert gradients["kernel"].dtype == gradients["bias"].dtype == xp.float
    # A sum of ones stops at 256 in bfloat16 and at 2048 in float16.
    assert [backend.to_numpy(leaf).item() for leaf in gradients.values()] == [8192.0, 8192.0]


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Conv2d(2, 5), (4, 8, 1), r"height of at least 5 for its kernel, got rows of shape \(4, 8, 1\)"),
        (Conv2d(2, (1, 3), dilation=2, padding=(0, 1)), (4, 2, 1), "width of at least 3"),
        (Conv2d(2, 3), (30,), r"\(height, width, channels\), got rows of shape \(30,\)"),
        (Conv2d(2, 3), {"a": (8, 8, 1)}, "Conv2d needs rows of one array, got inputs by name"),
        (Conv2d(4, 3, groups=2), (8, 8, 3), r"Conv2d needs channels that its 2 groups divide evenly.*\(8, 8, 3\)"),
    ],
    ids=["height", "width", "axes", "names", "groups"],
)
def test_rows_that_do_not_fit_are_refused(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.output_shape(shape)
    with pytest.raises(ValueError, match=message):
        layer.init(np.random.default_rng(0), shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 2, "padding": "same"}, r"only with an odd kernel_size, got \(2, 2\)"),
        ({"kernel_size": 3, "padding": "same", "stride": 2}, r"only with a stride of 1, got \(2, 2\)"),
        ({"kernel_size": 3, "groups": 2}, "groups of Conv2d must divide its 3 out_channels, got 2"),
        ({"kernel_size": (3, 3, 3)}, r"kernel_size of Conv2d must be a whole number from 1 on.*\(3, 3, 3\)"),
        ({"kernel_size": 0}, "kernel_size of Conv2d must be a whole number from 1 on"),
        ({"kernel_size": True}, "kernel_size of Conv2d must be a whole number"),
        ({"kernel_size": 3, "stride": 0}, "stride of Conv2d must be a whole number from 1 on"),
        ({"kernel_size": 3, "padding": -1}, r"padding of Conv2d must be a whole number from 0 on.*\(-1, -1\)"),
        ({"kernel_size": 3, "padding": "full"}, "padding of Conv2d must be 'valid', 'same' or whole numbers"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value),
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Conv2d(3, **options)


def test_options_are_read_from_a_run_file():
    create = gmcore.float64.layers.create
    wide = create("conv2d", out_channels=3, kernel_size=[3, 5], padding="same")
    assert wide == Conv2d(3, (3, 5), padding="same")
    assert create("conv2d", out_channels=3, kernel_size=3, padding=[1, 2]) == Conv2d(3, 3, padding=(1, 2))
