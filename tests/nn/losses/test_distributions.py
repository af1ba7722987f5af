import numpy as np
import pytest

from gmcore.errors import DataError
from gmcore.nn.losses import BinaryCrossEntropy, DenseCrossEntropy, KLDivergence

SCORES = np.array([[0.3, -1.2, 2.0], [2.5, 0.0, 0.0], [-100.0, 40.0, 900.0]])
SHARES = np.array([[0.1, 0.2, 0.7], [0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
PROBABILITIES = np.exp(SCORES[:2]) / np.exp(SCORES[:2]).sum(axis=1, keepdims=True)


def test_the_divergence_is_the_cross_entropy_less_the_entropy_of_the_target(losses):
    entropy = -(SHARES * np.log(np.where(SHARES > 0, SHARES, 1))).sum(axis=1)
    expected = losses(DenseCrossEntropy(), SCORES, SHARES) - entropy
    assert losses(KLDivergence(), SCORES, SHARES) == pytest.approx(expected, rel=1e-12)


def test_the_divergence_of_the_targets_own_probabilities_is_zero(losses):
    assert losses(KLDivergence(), SCORES[:2], PROBABILITIES) == pytest.approx(np.zeros(2), abs=1e-15)


@pytest.mark.parametrize("loss", [DenseCrossEntropy(), KLDivergence()], ids=lambda loss: loss.name)
def test_the_gradient_is_predicted_less_given_probabilities_also_where_these_are_zero(gradient, loss):
    found = gradient(loss, SCORES[:2], SHARES[:2])
    assert found == pytest.approx(PROBABILITIES - SHARES[:2], rel=1e-12)


@pytest.mark.parametrize("kind", [DenseCrossEntropy, KLDivergence])
def test_label_smoothing_is_that_of_the_targets(losses, kind):
    smoothed = 0.7 * SHARES + 0.3 / 3
    assert losses(kind(label_smoothing=0.3), SCORES, SHARES) == pytest.approx(losses(kind(), SCORES, smoothed))
    assert losses(kind(), SCORES, SHARES, label_smoothing=0.0) == pytest.approx(losses(kind(), SCORES, SHARES))


def test_predictions_are_probabilities(xp):
    assert KLDivergence().predictions(SCORES[:2], xp=xp) == pytest.approx(PROBABILITIES)
    assert BinaryCrossEntropy().predictions(np.array([[0.0, np.log(3)]]), xp=xp)[0] == pytest.approx([0.5, 0.75])


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), DenseCrossEntropy()], ids=["binary", "dense"])
@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan])
def test_a_target_that_is_no_probability_is_named(loss, value):
    targets = np.array([[1.0, 0.0], [value, 1.0], [1.0, 0.0]])
    with pytest.raises(DataError) as caught:
        loss.check_targets(targets)
    message = "needs probabilities from 0 to 1: 1 rows have other targets, the first is row 1, with"
    assert f"{message} [{value}, 1.0]" in str(caught.value)


def test_probabilities_of_a_row_must_sum_to_one_up_to_rounding_to_two_decimals():
    KLDivergence().check_targets(np.array([[0.33, 0.33, 0.33], [0.0, 0.0, 1.0]]))
    KLDivergence().check_targets(np.full((2, 4, 5), 0.2))  # a target with a shape
    with pytest.raises(
        DataError, match=r"^kl_divergence needs .* sum to 1 in each row: 1 rows .* row 1, with \[0.5, 0"
    ):
        KLDivergence().check_targets(np.array([[0.5, 0.5], [0.5, 0.4]]))
