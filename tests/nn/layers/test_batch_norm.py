import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.nn.layers import BatchNorm
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import Pass

ROWS = np.array([[1.0, -2.0], [2.0, 0.0], [4.0, 1.0], [-1.0, 5.0]])
VARIABLES = Variables(
    {"gain": np.array([2.0, 0.5]), "bias": np.array([0.0, 1.0])}, {"mean": np.zeros(2), "variance": np.ones(2)}
)
# Of torch.nn.BatchNorm1d with this weight and bias, in float64: the outputs of a training pass, the running statistics
# after it, and the outputs with these.
IN_TRAINING = [
    [-0.55469934284228128, 0.41165204716062215],
    [0.55469934284228106, 0.80388401572020740],
    [2.77349671421140576, 1.0],
    [-2.77349671421140620, 1.78446393711917062],
]
RUNNING = {"mean": [0.15, 0.1], "variance": [1.33333333333333348, 1.76666666666666661]}
AFTERWARDS = [
    [1.47223766555265145, 0.21002970220538730],
    [3.20428197796753533, 0.96238236677168509],
    [6.66837060279730398, 1.33855869905483393],
    [-1.99185095927711675, 2.84326402818742974],
]
CLOSE = {"rtol": 1e-14, "atol": 1e-14}
REAL = (5, 17, 64)
"""Rows of three members in a batch of 64; the others are padding."""


def in_training(xp, weights=None, key=None):
    return Pass(xp=xp, weights=weights, key=key, training=True)


def test_numbers_are_those_of_torch(xp):
    layer = BatchNorm()
    outputs, buffers = layer.update(VARIABLES, ROWS, in_training(xp, np.ones(4)))
    np.testing.assert_allclose(outputs, IN_TRAINING, **CLOSE)
    for name, expected in RUNNING.items():
        np.testing.assert_allclose(buffers[name], expected, **CLOSE)
    after = layer.apply(Variables(VARIABLES.params, buffers), ROWS, Pass(xp=xp))
    np.testing.assert_allclose(after, AFTERWARDS, **CLOSE)


def test_rows_without_weights_count_once(xp):
    without, ones = (BatchNorm().update(VARIABLES, ROWS, in_training(xp, weights)) for weights in (None, np.ones(4)))
    np.testing.assert_array_equal(without[0], ones[0])
    np.testing.assert_array_equal(without[1]["variance"], ones[1]["variance"])


def test_every_position_of_a_row_counts_as_a_row(xp):
    flat = np.random.default_rng(0).normal(size=(30, 2))
    whole, buffers = BatchNorm().update(VARIABLES, flat.reshape(10, 3, 2), in_training(xp, np.ones(10)))
    expected, same = BatchNorm().update(VARIABLES, flat, in_training(xp, np.ones(30)))
    np.testing.assert_allclose(whole.reshape(30, 2), expected, **CLOSE)
    np.testing.assert_allclose(buffers["variance"], same["variance"], **CLOSE)


@pytest.mark.parametrize("weight", [0.25, 0.125])
def test_weights_that_sum_to_less_than_two_rows_say_nothing_about_the_bias_of_the_variance(xp, weight):
    _, buffers = BatchNorm(momentum=0.5).update(VARIABLES, ROWS, in_training(xp, np.full(4, weight)))
    np.testing.assert_allclose(buffers["variance"], 0.5 + 0.5 * ROWS.var(axis=0), **CLOSE)


def test_real_rows_in_a_padded_batch_give_the_numbers_of_these_rows_alone(backend, program):
    layer, rng, xp = BatchNorm(), np.random.default_rng(3), backend.xp
    rows = rng.normal(size=(3, 64, 4)) * 10 + 3
    for member, count in enumerate(REAL):
        rows[member, count:] = rows[member, 0]  # as the plan of an epoch pads
    weights = (np.arange(64) < np.array(REAL)[:, None]).astype(np.float64)
    one = layer.init(rng, (4,))
    params, buffers = (
        {name: np.stack([leaf] * 3) for name, leaf in tree.items()} for tree in (one.params, one.buffers)
    )

    def update(params, buffers, rows, weights):
        return layer.update(Variables(params, buffers), rows, in_training(xp, weights))

    fleet = program(backend.vmap(update))
    outputs, after = backend.to_numpy(fleet(*backend.asarray((params, buffers, rows, weights))))
    # Sums of up to 64 numbers around 10, in another order.
    close = {"rtol": 0, "atol": 300 * np.finfo(backend.dtype).eps}
    for member, count in enumerate(REAL):
        expected, running = layer.update(one, rows[member, :count], in_training(NumPyNamespace(), np.ones(count)))
        np.testing.assert_allclose(outputs[member, :count], expected, **close)
        for name, leaf in running.items():
            np.testing.assert_allclose(after[name][member], leaf, **close)


def test_rows_without_an_axis_are_refused():
    with pytest.raises(ValueError, match="BatchNorm needs rows with at least one axis, the channels, got scalars"):
        BatchNorm().output_shape(())


def test_inputs_by_name_are_refused():
    message = r"BatchNorm needs rows of one array, got inputs by name \('numeric', 'categorical'\)"
    with pytest.raises(ValueError, match=message):
        BatchNorm().output_shape({"numeric": (3,), "categorical": (2,)})
