import numpy as np
import pytest

from gmcore.domain import Variables
from gmcore.nn.initialization import INITIALIZATIONS
from gmcore.nn.layers import Dense
from gmcore.ports import Pass


def test_outputs_are_weighted_sums(apply):
    known = Variables({"weight": np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), "bias": np.array([0.5, 0.0, -0.5])})
    assert apply(Dense(3), np.array([[1.0, 1.0], [2.0, 0.0]]), known).tolist() == [[11.5, 22.0, 32.5], [2.5, 4.0, 5.5]]


def test_only_the_last_axis_changes(apply):
    assert Dense(5).output_shape((7, 3)) == (7, 5)
    assert apply(Dense(5), np.ones((2, 7, 3))).shape == (2, 7, 5)


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_weight_and_bias_are_drawn_by_the_initialization(initialization):
    fresh = Dense(4, initialization=initialization).init(np.random.default_rng(0), (3,)).params
    weight, bias = INITIALIZATIONS[initialization](np.random.default_rng(0), 3, 4)
    assert np.array_equal(fresh["weight"], weight)
    assert np.array_equal(fresh["bias"], bias)


def test_equal_generators_give_equal_weights():
    first, again, other = (Dense(4).init(np.random.default_rng(seed), (3,)).params["weight"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_a_narrow_layer_gives_narrow_outputs_and_accumulates_its_bias_gradient_as_float(backend_class, compute):
    backend = backend_class(compute=compute, device="cpu")
    xp, rows = backend.xp, 5000

    def loss(params, x):
        outputs = Dense(2).apply(Variables(params), x, Pass(xp=xp, training=True))
        assert outputs.dtype == xp.compute
        return xp.sum(xp.astype(outputs, xp.float)), None

    params = backend.asarray({"weight": np.zeros((3, 2)), "bias": np.zeros(2)})
    _, gradients = backend.compile(backend.value_and_grad(loss))(params, backend.asarray(np.ones((rows, 3))))
    assert gradients["weight"].dtype == gradients["bias"].dtype == xp.float
    # A sum of ones stops at 256 in bfloat16 and at 2048 in float16.
    assert backend.to_numpy(gradients["bias"]).tolist() == [rows, rows]


def test_the_description_has_the_number_of_inputs():
    assert Dense(64).describe((30,)) == "Dense(in_features=30, out_features=64)"


def test_rows_that_are_single_numbers_are_refused():
    with pytest.raises(ValueError, match="at least one axis, got scalars"):
        Dense(2).output_shape(())


def test_a_width_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"out_features.*0"):
        Dense(0)
