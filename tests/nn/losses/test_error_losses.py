import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gmcore.domain import Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.losses import AbsoluteError, ErrorLoss, Huber, LogCosh, Quantile, SquaredError
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
        (Quantile(quantile=0.25), [0.1375, 1.125, 28.625]),
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
    for loss in (SquaredError(), AbsoluteError(), Huber(), LogCosh(), Quantile(quantile=0.9)):
        of_rows = lambda outputs, loss=loss: loss.of_rows(outputs, targets, settings=loss.settings, xp=NumPyNamespace())
        assert (of_rows(outputs) >= 0).all()
        assert not of_rows(targets).any()


@pytest.mark.parametrize(
    ("loss", "slopes"),
    [
        (SquaredError(), [-6.0, -1.0, 0.0, 1.0, 6.0]),
        (AbsoluteError(), [-1.0, -1.0, 0.0, 1.0, 1.0]),
        (Huber(), [-1.0, -0.5, 0.0, 0.5, 1.0]),
        (Quantile(quantile=0.75), [-0.75, -0.75, 0.0, 0.25, 0.25]),
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
    message = (
        "needs numbers, and the target 'species' holds classes: use cross_entropy, or, if its values are amounts, "
    )
    message += 'say so to the data provider: task = "regression"'
    assert str(caught.value) == f"{loss.name} {message}"


@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.1, float("nan")])
def test_a_quantile_out_of_range_is_refused(quantile):
    with pytest.raises(ValueError, match=f"quantile.*{quantile}"):
        Quantile(quantile=quantile)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_a_quantile_of_the_targets_has_the_smallest_quantile_loss(losses, quantile):
    targets = np.random.default_rng(1).exponential(size=(101, 1))
    of_constant = lambda output: losses(Quantile(quantile=quantile), np.full_like(targets, output), targets).mean()
    best = min(targets.ravel(), key=of_constant)
    assert best == pytest.approx(np.quantile(targets, quantile))


def test_log_cosh_of_large_and_small_errors_keeps_its_digits_in_float32(backend_class):
    backend = backend_class(dtype="float32", device="cpu")
    errors = np.array([[-3e30], [-200.0], [-1.0], [-1e-4], [0.0], [1e-4], [0.5], [200.0]])

    def total(errors, targets):
        losses = LogCosh().of_rows(errors, targets, settings={}, xp=backend.xp)
        return backend.xp.sum(losses / 1e10), losses

    arguments = backend.asarray((errors, np.zeros_like(errors)))
    (_, found), slopes = backend.to_numpy(backend.compile(backend.value_and_grad(total), loops=True)(*arguments))
    expected = [3e30, 200 - np.log(2), np.log(np.cosh(1)), 5e-9, 0.0, 5e-9, np.log(np.cosh(0.5)), 200 - np.log(2)]
    assert found == pytest.approx(expected, rel=1e-6, abs=0)
    assert 1e10 * slopes == pytest.approx(np.tanh(errors), rel=1e-6, abs=0)


@attrs.frozen(kw_only=True)
class Cauchy(ErrorLoss):
    name = "cauchy"

    def of(self, error, *, settings, xp):
        return xp.log1p(xp.square(error))


class TestALossThatIsOnlyItsFormula(LossContract):
    def loss(self):
        return Cauchy()
