import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gmcore.nn.losses import huber, mae, mse
from gmcore.nn.numpy_namespace import NumPyNamespace

OUTPUTS = np.array([[0.3, -1.2], [2.5, 0.0], [-100.0, 40.0]])
TARGETS = np.array([[0.0, -1.0], [-0.5, 0.0], [3.0, -2.0]])
ERRORS = arrays(np.float64, (4, 3), elements=st.floats(-1e3, 1e3))


def test_squared_error_is_torchs(xp):
    assert mse(xp, OUTPUTS, TARGETS) == pytest.approx([0.065, 4.5, 6186.5], rel=1e-14)


def test_absolute_error_is_torchs(xp):
    assert mae(xp, OUTPUTS, TARGETS) == pytest.approx([0.25, 1.5, 72.5], rel=1e-14)


def test_huber_is_torchs(xp):
    assert huber(xp, OUTPUTS, TARGETS, delta=1.5) == pytest.approx([0.0325, 1.6875, 107.625], rel=1e-14)


@given(ERRORS)
def test_huber_is_half_a_square_near_and_straight_far(errors):
    size = np.abs(errors)
    written_out = np.where(size <= 2.0, size**2 / 2, 2.0 * (size - 1.0)).mean(axis=1)
    assert huber(NumPyNamespace(), errors, np.zeros((4, 3)), delta=2.0) == pytest.approx(written_out)


@given(ERRORS, ERRORS)
def test_a_loss_is_never_negative_and_is_zero_where_outputs_are_targets(outputs, targets):
    for loss in (mse, mae, huber):
        assert (loss(NumPyNamespace(), outputs, targets) >= 0).all()
        assert not loss(NumPyNamespace(), targets, targets).any()


@pytest.mark.parametrize(
    ("loss", "slopes"),
    [(mse, [-6.0, -1.0, 0.0, 1.0, 6.0]), (mae, [-1.0, -1.0, 0.0, 1.0, 1.0]), (huber, [-1.0, -0.5, 0.0, 0.5, 1.0])],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_gradients_are_torchs_also_where_the_formula_bends(double, loss, slopes):
    def total(outputs):
        return double.xp.sum(loss(double.xp, outputs, double.xp.zeros_like(outputs))), ()

    errors = double.asarray(np.array([[-3.0], [-0.5], [0.0], [0.5], [3.0]]))
    _, gradient = double.value_and_grad(total)(errors)
    assert double.to_numpy(gradient)[:, 0].tolist() == slopes
