"""The Sharpe ratio and the losses of angles between rows: their formulas, weights, and batches at their edges."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from gmcore.nn.losses import Contrastive, RoutingContrastive, SharpeRatio

RNG = np.random.default_rng(6)
OUTPUTS, RETURNS = RNG.normal(size=(30, 4)), 0.01 * RNG.normal(size=(30, 4)) + 1e-3
COUNTS = RNG.integers(1, 4, size=30)


@pytest.fixture
def of_batch(xp):
    """Return the loss of a batch on the reference, by default of rows of weight 1."""

    def loss_of(loss, outputs, targets, weights=None):
        weights = np.ones(len(outputs)) if weights is None else weights
        return float(loss.of_batch(outputs, targets, weights, settings=loss.settings, xp=xp))

    return loss_of


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_sharpe_loss_is_minus_the_mean_return_over_its_deviation(of_batch):
    returns = (softmax(OUTPUTS, axis=1) * RETURNS).sum(axis=1)
    assert of_batch(SharpeRatio(), OUTPUTS, RETURNS) == pytest.approx(-returns.mean() / returns.std())


def test_shares_of_assets_are_the_predictions(xp):
    assert SharpeRatio().predictions(OUTPUTS, xp=xp) == pytest.approx(softmax(OUTPUTS, axis=1))


def test_training_against_the_gradient_raises_the_sharpe_ratio(of_batch, gradient):
    """The specification's had no gradient."""
    moved = OUTPUTS - 10 * gradient(SharpeRatio(), OUTPUTS, RETURNS)
    assert of_batch(SharpeRatio(), moved, RETURNS) < of_batch(SharpeRatio(), OUTPUTS, RETURNS)


@pytest.mark.parametrize("returns", [np.zeros((5, 3)), np.full((5, 3), 0.02)], ids=["none", "equal"])
def test_returns_that_do_not_vary_have_a_sharpe_loss_and_a_gradient_of_zero(of_batch, gradient, returns):
    outputs = RNG.normal(size=(5, 3))
    assert of_batch(SharpeRatio(), outputs, returns) == 0.0
    assert not gradient(SharpeRatio(), outputs, returns).any()


def test_a_deviation_below_a_hundred_millionth_counts_as_none(of_batch):
    outputs, returns = np.zeros((2, 2)), np.array([[1.0, 1.0], [1.0, 1.0]])
    varied = lambda deviation: returns + deviation * np.array([[1], [-1]])
    assert of_batch(SharpeRatio(), outputs, varied(9e-9)) == 0.0
    assert of_batch(SharpeRatio(), outputs, varied(2e-8)) == pytest.approx(-1 / 2e-8)


def test_the_contrastive_loss_is_the_cross_entropy_of_finding_the_own_targets(of_batch):
    scores = unit(OUTPUTS) @ unit(RETURNS).T / 0.1
    expected = -np.diag(log_softmax(scores, axis=1)).mean()
    assert of_batch(Contrastive(), OUTPUTS, RETURNS) == pytest.approx(expected, rel=1e-6)  # for the epsilon of lengths


def test_outputs_that_point_to_their_targets_alone_have_no_contrastive_loss(of_batch):
    targets = np.eye(5)
    assert of_batch(Contrastive(temperature=0.01), 3 * targets, targets) == pytest.approx(0.0, abs=1e-12)
    assert of_batch(Contrastive(), np.ones((5, 5)), targets) == pytest.approx(np.log(5))


def test_rows_of_weight_zero_do_not_hide_others_at_a_low_temperature_in_float32(backend_class):
    """The score of such a row may be far above all others, which must not vanish beside it."""
    backend = backend_class(dtype="float32", device="cpu")
    loss = Contrastive(temperature=0.005)

    def of_outputs(outputs, targets, weights):
        return loss.of_batch(outputs, targets, weights, settings=loss.settings, xp=backend.xp), ()

    outputs, targets = np.array([[1.0, 0.0]] * 3), np.array([[-1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    arguments = backend.asarray((outputs, targets, np.array([1.0, 1.0, 0.0])))
    (found, _), slopes = backend.to_numpy(backend.compile(backend.value_and_grad(of_outputs), loops=True)(*arguments))
    assert found == pytest.approx(np.log(2), rel=1e-6)
    assert np.isfinite(slopes).all()


def test_the_routing_loss_is_the_mean_cosine_over_pairs_of_rows(of_batch):
    repeated = np.repeat(OUTPUTS, COUNTS, axis=0)
    for vectors, outputs, weights in ((OUTPUTS, OUTPUTS, None), (repeated, OUTPUTS, 1.0 * COUNTS)):
        cosines = unit(vectors) @ unit(vectors).T
        expected = cosines[np.triu_indices(len(vectors), 1)].mean()
        assert of_batch(RoutingContrastive(), outputs, RETURNS, weights) == pytest.approx(expected)
    assert of_batch(RoutingContrastive(scale=0.01), repeated, repeated) == pytest.approx(0.01 * expected)


def test_equal_rows_have_the_largest_routing_loss_and_opposite_ones_the_smallest(of_batch):
    both = np.array([[3.0, 4.0], [-3.0, -4.0]])
    assert of_batch(RoutingContrastive(), both, both) == pytest.approx(-1.0)
    assert of_batch(RoutingContrastive(), np.abs(both), both) == pytest.approx(1.0)


def test_small_weights_keep_the_routing_loss_between_minus_one_and_one(of_batch):
    for scale in (1e-6, 0.03, 0.1):
        assert -1 <= of_batch(RoutingContrastive(), OUTPUTS, RETURNS, scale * COUNTS) <= 1


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_an_option_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match=f"temperature.*{value}"):
        Contrastive(temperature=value)
    with pytest.raises(ValueError, match=f"scale.*{value}"):
        RoutingContrastive(scale=value)
