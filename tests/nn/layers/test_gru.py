import math

import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.domain.tree import tree_map
from gmcore.nn.layers import GRU
from gmcore.ports import Pass

CHANNELS, TIME, UNITS = 2, 4, 3
INPUTS = np.sin(np.arange(2.0 * TIME * CHANNELS)).reshape(2, TIME, CHANNELS)


def known_params():
    """Return parameters that anyone can write down."""
    shapes = {
        "input_weight": (CHANNELS, 3 * UNITS),
        "hidden_weight": (UNITS, 3 * UNITS),
        "input_bias": (3 * UNITS,),
        "hidden_bias": (3 * UNITS,),
    }
    return {
        name: np.cos(place + np.arange(math.prod(shape), dtype=float)).reshape(shape)
        for place, (name, shape) in enumerate(shapes.items())
    }


# From torch 2.13: `torch.nn.GRU(2, 3, batch_first=True, dtype=torch.float64)` with `weight_ih_l0`, `weight_hh_l0`,
# `bias_ih_l0` and `bias_hh_l0` set to these parameters, weights transposed, applied to `INPUTS`.
STATES = [
    [
        [-0.087554578585, -0.073239164246, -0.257714829324],
        [0.029999882609, -0.163128966277, -0.415512088517],
        [-0.039706354363, -0.248036536966, -0.425405322686],
        [-0.105298813325, -0.293300674870, -0.542146708317],
    ],
    [
        [0.071884357209, -0.117883859415, -0.223487365567],
        [0.014087512574, -0.205999301537, -0.326023260991],
        [-0.061522814138, -0.257418431458, -0.469107911541],
        [-0.031507241549, -0.321811543201, -0.569025745710],
    ],
]
# Gradients of the sum of squares of the last states; those of the weights are summed over the first axis.
SLOPES = {
    "input_weight": [
        *(-0.001710907127, -0.004646302491, -0.008071504861, 0.028690650431, -0.065340612627, -0.232482954011),
        *(0.022784731651, -0.010096441449, 0.333079582161),
    ],
    "hidden_weight": [
        *(-0.009463038600, -0.018516197739, -0.000990096704, 0.016922612812, 0.105228820236, 0.185398132730),
        *(0.010785686009, 0.022583407563, 0.210904349055),
    ],
    "input_bias": [
        *(0.023616943080, 0.047420731829, 0.003365928790, -0.032496277050, -0.262157129941, -0.389625172372),
        *(-0.133663186770, -0.313302605577, -0.926710827911),
    ],
    "hidden_bias": [
        *(0.023616943080, 0.047420731829, 0.003365928790, -0.032496277050, -0.262157129941, -0.389625172372),
        *(-0.029499728267, -0.060752246576, -0.410370923933),
    ],
}


def sum_of_squares(layer, xp):
    def loss(params, inputs):
        outputs = layer.apply(Variables(params), inputs, Pass(xp=xp, training=True))
        return xp.sum(xp.square(outputs)), outputs

    return loss


def test_the_states_are_those_of_torch(apply):
    known = Variables(known_params())
    assert apply(GRU(UNITS, return_sequences=True), INPUTS, known) == pytest.approx(np.array(STATES), abs=1e-11)
    assert apply(GRU(UNITS), INPUTS, known) == pytest.approx(np.array(STATES)[:, -1], abs=1e-11)


def test_the_gradients_are_those_of_torch_on_every_backend(backend, program):
    slope = program(backend.value_and_grad(sum_of_squares(GRU(UNITS), backend.xp)))
    (_, outputs), slopes = backend.to_numpy(slope(*backend.asarray((known_params(), INPUTS))))
    rounding = 1e-5 if backend.dtype == "float32" else 1e-11
    assert outputs == pytest.approx(np.array(STATES)[:, -1], abs=rounding)
    for name, expected in SLOPES.items():
        found = slopes[name] if slopes[name].ndim == 1 else slopes[name].sum(axis=0)
        assert found == pytest.approx(np.array(expected), abs=rounding), name


def test_a_fleet_of_ten_gives_the_bits_of_ten_alone(backend, program):
    layer, rng = GRU(5), np.random.default_rng(0)
    members = [layer.init(np.random.default_rng(seed), (6, 3)).params for seed in range(10)]
    params, inputs = tree_map(lambda *leaves: np.stack(leaves), *members), rng.normal(size=(10, 7, 6, 3))

    def total(params, inputs):
        losses, outputs = backend.vmap(sum_of_squares(layer, backend.xp))(params, inputs)
        return backend.xp.sum(losses), outputs

    fleet = program(backend.value_and_grad(total))
    (_, outputs), slopes = backend.to_numpy(fleet(*backend.asarray((params, inputs))))
    for member in range(10):
        mine = tree_map(lambda leaf, member=member: leaf[member : member + 1], params)
        (_, own), alone = backend.to_numpy(fleet(*backend.asarray((mine, inputs[member : member + 1]))))
        assert np.array_equal(own[0], outputs[member])
        for name, slope in alone.items():
            assert np.array_equal(slope[0], slopes[name][member]), name


def test_it_learns_to_remember_the_first_step(backend_class):
    backend = backend_class(device="cpu")
    layer, xp, inputs = GRU(8), backend.xp, np.random.default_rng(0).normal(size=(32, 4, 1))
    targets = np.tanh(inputs[:, 0, 0])

    def loss(params, inputs, targets):
        outputs = layer.apply(Variables(params), inputs, Pass(xp=xp, training=True))
        return xp.mean(xp.square(xp.sum(outputs, axis=-1) - targets)), None

    def step(params, speed, *batch):
        (value, _), slopes = backend.value_and_grad(loss)(params, *batch)
        speed = tree_map(lambda speed, slope: 0.9 * speed - 0.2 * slope, speed, slopes)
        return tree_map(lambda param, speed: param + speed, params, speed), speed, value

    train = backend.compile(step, loops=True)
    params, *batch = backend.asarray((layer.init(np.random.default_rng(0), (4, 1)).params, inputs, targets))
    speed = tree_map(xp.zeros_like, params)
    for _ in range(80):
        params, speed, value = train(params, speed, *batch)
    assert backend.to_numpy(value) < 0.1 * targets.var()


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_a_narrow_layer_gives_narrow_outputs_and_float_gradients(backend_class, compute):
    backend = backend_class(compute=compute, device="cpu")
    xp, inputs = backend.xp, np.repeat(INPUTS[:1, :2], 1000, axis=0)

    def loss(params, inputs):
        outputs = GRU(UNITS).apply(Variables(params), inputs, Pass(xp=xp, training=True))
        assert outputs.dtype == xp.compute
        return xp.sum(xp.astype(outputs, xp.float)), None

    slope = backend.compile(backend.value_and_grad(loss), loops=True)
    params, rows = backend.asarray((known_params(), inputs))
    _, many = slope(params, rows)
    _, one = slope(params, rows[:1])
    for name, found in many.items():
        assert found.dtype == xp.float
        # A sum of a thousand equal numbers would stop growing in a narrow dtype.
        expected = 1000 * backend.to_numpy(one[name])
        assert backend.to_numpy(found) == pytest.approx(expected, rel=0.02, abs=0.02 * float(np.abs(expected).max())), (
            name
        )


def test_weights_and_biases_are_drawn_as_by_torch():
    params = GRU(400).init(np.random.default_rng(0), (7, 30)).params
    assert {name: leaf.shape for name, leaf in params.items()} == {
        "input_weight": (30, 1200), "hidden_weight": (400, 1200), "input_bias": (1200,), "hidden_bias": (1200,),
    }  # fmt: skip
    for leaf in params.values():
        assert np.abs(leaf).max() == pytest.approx(1 / np.sqrt(400), rel=0.01)
        assert leaf.std() == pytest.approx(1 / np.sqrt(3 * 400), rel=0.05)


def test_the_shape_of_a_row():
    assert GRU(5).output_shape((7, 3)) == (5,)
    assert GRU(5, return_sequences=True).output_shape((7, 3)) == (7, 5)
    assert GRU(5).describe((7, 3)) == "GRU(channels=3, units=5)"
    assert GRU(5, return_sequences=True).describe((7, 3)) == "GRU(channels=3, units=5, return_sequences=True)"


def test_a_sequence_without_steps_has_the_first_state(apply):
    assert apply(GRU(2), np.zeros((3, 0, 4))).tolist() == [[0, 0]] * 3
    assert apply(GRU(2, return_sequences=True), np.zeros((3, 0, 4))).shape == (3, 0, 2)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)], ids=str)
def test_rows_that_are_no_sequences_are_refused(shape):
    with pytest.raises(ValueError, match=r"GRU needs rows of shape \(time, channels\), got rows of shape \("):
        GRU(2).output_shape(shape)


def test_inputs_by_name_are_refused():
    with pytest.raises(ValueError, match=r"GRU needs rows of one array, got inputs by name \('numeric'\)"):
        GRU(2).output_shape({"numeric": (3,)})


def test_a_size_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"units.*0"):
        GRU(0)
