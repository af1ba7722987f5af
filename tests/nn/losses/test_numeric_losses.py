"""Losses of numbers that are no formula of the error."""

import numpy as np
import pytest
from scipy.spatial.distance import cosine
from scipy.stats import poisson

from gmcore.domain import Target, TargetKind
from gmcore.errors import ConfigError, DataError
from gmcore.nn.losses import Contrastive, CosineDistance, Poisson, RoutingContrastive, SharpeRatio

OUTPUTS = np.array([[0.3, -1.2], [2.5, 0.0], [-1.0, 0.4]])
COUNTS = np.array([[0.0, 1.0], [2.0, 30.0], [7.0, 0.0]])
PRICE = Target(names=("price",), kind=TargetKind.REGRESSION)
SPECIES = Target(names=("species",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"))


def test_the_full_poisson_loss_is_nearly_the_likelihood_of_the_counts(losses):
    expected = -poisson.logpmf(COUNTS, np.exp(OUTPUTS)).mean(axis=1)
    assert losses(Poisson(full=True), OUTPUTS, COUNTS) == pytest.approx(expected, abs=0.03)  # by Stirling's formula


def test_outputs_may_be_logarithms_of_counts_or_counts(losses, xp):
    counts = np.exp(OUTPUTS)
    found = losses(Poisson(log_input=False, epsilon=1e-300), counts, COUNTS)
    assert found == pytest.approx(losses(Poisson(), OUTPUTS, COUNTS), rel=1e-13)
    assert Poisson().predictions(OUTPUTS, xp=xp) == pytest.approx(counts)
    assert Poisson(log_input=False).predictions(counts, xp=xp) is counts


def test_a_negative_count_is_named():
    Poisson().check_targets(COUNTS)
    message = r"^poisson needs counts, numbers of at least 0: 2 rows have .*, the first is row 1, with \[-1.0\]$"
    with pytest.raises(DataError, match=message):
        Poisson().check_targets(np.array([[3.0], [-1.0], [np.nan]]))


def test_a_count_of_zero_and_an_output_of_zero_have_finite_gradients(gradient):
    found = gradient(Poisson(log_input=False, full=True), np.zeros((2, 1)), np.array([[0.0], [3.0]]))
    assert found[:, 0] == pytest.approx([1.0, 1 - 3e8])


@pytest.mark.parametrize("options", [{"epsilon": 0.0}, {"epsilon": np.nan}, {"full": 1}, {"log_input": "no"}], ids=str)
def test_a_wrong_option_of_poisson_is_refused(options):
    with pytest.raises((ValueError, TypeError), match=next(iter(options))):
        Poisson(**options)


def test_the_cosine_loss_is_scipys_distance_for_vectors_of_any_length(losses):
    targets = 1e3 * COUNTS + 1
    expected = [cosine(*pair) for pair in zip(OUTPUTS, targets, strict=True)]
    assert losses(CosineDistance(), 1e-3 * OUTPUTS, targets) == pytest.approx(expected, rel=1e-5)


def test_vectors_of_zeros_are_at_right_angles_to_all_with_finite_gradients(losses, gradient):
    zeros = np.zeros((3, 2))
    for outputs, targets in ((zeros, OUTPUTS), (OUTPUTS, zeros), (zeros, zeros)):
        assert losses(CosineDistance(), outputs, targets).tolist() == [1.0, 1.0, 1.0]
        assert np.isfinite(gradient(CosineDistance(), outputs, targets)).all()


@pytest.mark.parametrize(
    ("loss", "each"),
    [
        (CosineDistance(), "number of a vector"),
        (Contrastive(), "number of a vector"),
        (RoutingContrastive(), "number of a vector"),
        (SharpeRatio(), "asset"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_single_number_and_classes_are_refused(loss, each):
    with pytest.raises(ConfigError) as caught:
        loss.check(PRICE)
    message = f"{loss.name} needs a column for each {each}, and the target 'price' holds a single number: use mse"
    assert str(caught.value) == message
    with pytest.raises(ConfigError, match=f"^{loss.name} needs numbers, and the target 'species' holds classes"):
        loss.check(SPECIES)
