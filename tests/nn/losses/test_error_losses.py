import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gmcore.domain import Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.losses import AbsoluteError, ErrorLoss, Huber, SquaredError
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.testing.loss import LossContract

OUTPUTS = np.array([[0.3, -1.2], [2.5, 0.0], [-100.0, 40.0]])
TARGETS = np.array([[0.0, -1.0], [-0.5, 0.0], [3.0, -2.0]])
ERRORS = arrays(np.float64, (4, 3), elements=st.floats(-1e3, 1e3))


# Written by torch 2.13 in float64, mean over outputs.
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (SquaredError(), [0.065, 4.5, 6186.5]),
        (AbsoluteError(), [0.25, 1.5, 72.5]),
        (Huber(delta=1.5), [0.0325, 1.6875, 107.625]),
    ],
    ids=repr,
)
def test_losses_are_torchs(losses, loss, expected):
    assert losses(loss, OUTPUTS, TARGETS) == pytest.approx(expected, rel=1e-14)


@given(ERRORS)
def test_huber_is_quadratic_up_to_delta_and_linear_beyond(errors):
    size = np.abs(errors)
    written_out = np.where(size <= 2.0, size**2 / 2, 2.0 * (size - 1.0)).mean(axis=1)
    loss = Huber(delta=2.0)
    found = loss.of_rows(errors, np.zeros((4, 3)), settings=loss.settings, xp=NumPyNamespace())
    assert found == pytest.approx(written_out)


def test_hubers_delta_is_the_one_in_the_settings(losses):
    found = losses(Huber(), OUTPUTS, TARGETS, delta=np.array(1.5))
    assert np.array_equal(found, losses(Huber(delta=1.5), OUTPUTS, TARGETS))


@given(ERRORS, ERRORS)
def test_a_loss_is_never_negative_and_is_zero_where_outputs_equal_targets(outputs, targets):
    for loss in (SquaredError(), AbsoluteError(), Huber()):
        of_rows = lambda outputs, loss=loss: loss.of_rows(outputs, targets, settings=loss.settings, xp=NumPyNamespace())
        assert (of_rows(outputs) >= 0).all()
        assert not of_rows(targets).any()


@pytest.mark.parametrize(
    ("loss", "slopes"),
    [
        (SquaredError(), [-6.0, -1.0, 0.0, 1.0, 6.0]),
        (AbsoluteError(), [-1.0, -1.0, 0.0, 1.0, 1.0]),
        (Huber(), [-1.0, -0.5, 0.0, 0.5, 1.0]),
    ],
    ids=repr,
)
def test_gradients_are_torchs_also_where_the_formula_is_not_smooth(gradient, loss, slopes):
    errors = np.array([[-3.0], [-0.5], [0.0], [0.5], [3.0]])
    assert gradient(loss, errors, np.zeros((5, 1)))[:, 0].tolist() == slopes


@pytest.mark.parametrize("delta", [0.0, -1.0, float("inf"), float("nan")])
def test_a_delta_out_of_range_is_refused(delta):
    with pytest.raises(ValueError, match=f"delta.*{delta}"):
        Huber(delta=delta)


@pytest.mark.parametrize("loss", [SquaredError(), AbsoluteError(), Huber()], ids=lambda loss: loss.name)
def test_classes_are_refused_with_the_loss_for_them(loss):
    species = Target(names=("species",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"))
    with pytest.raises(ConfigError) as caught:
        loss.check(species)
    message = "needs numbers, and the target 'species' holds classes: use cross_entropy"
    assert str(caught.value) == f"{loss.name} {message}"


@attrs.frozen(kw_only=True)
class LogCosh(ErrorLoss):
    name = "log_cosh"

    def of(self, error, *, settings, xp):
        return xp.softplus(2 * error) - error - np.log(2.0)


class TestALossThatIsOnlyItsFormula(LossContract):
    def loss(self):
        return LogCosh()
