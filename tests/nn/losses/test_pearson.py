import numpy as np
import pytest

from gmcore.domain import Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.losses import PearsonCorrelation

RNG = np.random.default_rng(4)
OUTPUTS, TARGETS = RNG.normal(size=(30, 2)), RNG.normal(size=(30, 2)) * [1.0, 50.0] + [0.0, 1e3]
ONES = np.ones(30)


@pytest.fixture
def pearson(xp):
    """Return the loss of a batch on the reference."""

    def of_batch(outputs, targets, weights=None, **options):
        weights = np.ones(len(outputs)) if weights is None else weights
        return PearsonCorrelation(**options).of_batch(outputs, targets, weights, settings={}, xp=xp)

    return of_batch


def test_it_is_one_minus_numpys_correlation_averaged_over_the_columns(pearson):
    expected = [1 - np.corrcoef(OUTPUTS[:, place], TARGETS[:, place])[0, 1] for place in range(2)]
    assert pearson(OUTPUTS, TARGETS) == pytest.approx(np.mean(expected), rel=1e-7)
    assert pearson(OUTPUTS[:, :1], TARGETS[:, :1], epsilon=1e-14) == pytest.approx(expected[0], rel=1e-12)


def test_weights_are_those_of_numpys_covariance(pearson):
    weights = RNG.uniform(0.1, 3.0, size=30)
    covariance = np.cov(OUTPUTS[:, 0], TARGETS[:, 0], aweights=weights)
    expected = 1 - covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert pearson(OUTPUTS[:, :1], TARGETS[:, :1], weights, epsilon=1e-14) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("slope", "expected"), [(3.0, 0.0), (0.5, 0.0), (-2.0, 2.0), (0.0, 1.0)])
def test_a_linear_function_of_the_targets_has_the_loss_of_its_slope(pearson, slope, expected):
    assert pearson(slope * TARGETS[:, :1] - 7.0, TARGETS[:, :1]) == pytest.approx(expected, abs=1e-6)


def test_a_single_row_and_constant_targets_have_the_loss_of_no_correlation(pearson):
    assert pearson(OUTPUTS[:1], TARGETS[:1]) == 1.0
    assert pearson(OUTPUTS, np.full((30, 2), 5.0)) == 1.0


def test_targets_far_from_zero_keep_their_digits_in_float32(backend_class):
    backend = backend_class(dtype="float32", device="cpu")
    targets = np.linspace(1000.0, 1001.0, 30)[:, None]
    loss = lambda outputs, targets, weights: PearsonCorrelation().of_batch(
        outputs, targets, weights, settings={}, xp=backend.xp
    )
    found = backend.to_numpy(backend.compile(loss, loops=True)(*backend.asarray((OUTPUTS[:, :1], targets, ONES))))
    assert float(found) == pytest.approx(1 - np.corrcoef(OUTPUTS[:, 0], targets[:, 0])[0, 1], abs=1e-4)


def test_classes_are_refused():
    species = Target(names=("species",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"))
    with pytest.raises(ConfigError) as caught:
        PearsonCorrelation().check(species)
    message = "pearson needs numbers, and the target 'species' holds classes: use cross_entropy, or, if its values are "
    message += 'amounts, say so to the data provider: task = "regression"'
    assert str(caught.value) == message


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan")])
def test_an_epsilon_out_of_range_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        PearsonCorrelation(epsilon=epsilon)
