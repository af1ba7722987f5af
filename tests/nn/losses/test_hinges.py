import numpy as np
import pytest

from gmcore.domain import Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.losses import Hinge, SquaredHinge

KINDS = [Hinge, SquaredHinge]
PETS = Target(names=("cat", "dog"), kind=TargetKind.MULTILABEL)
PRICE = Target(names=("price",), kind=TargetKind.REGRESSION)


# Written by torch 2.13: multi_margin_loss with p of 1 and 2.
@pytest.mark.parametrize(
    ("loss", "expected"),
    [(Hinge(), [0.9, 4.75 / 3, 0]), (SquaredHinge(), [2.43, 13.8125 / 3, 0]), (Hinge(margin=2.0), [1.4, 2.25, 0])],
    ids=repr,
)
def test_the_loss_of_scores_is_torchs_multi_margin_loss(losses, loss, expected):
    scores = np.array([[0.3, -1.2, 2.0], [2.5, 0.25, 0.0], [-100.0, 40.0, 900.0]])
    assert losses(loss, scores, np.array([0, 2, 2], np.int32)) == pytest.approx(expected)


@pytest.mark.parametrize(("kind", "power"), [(Hinge, 1), (SquaredHinge, 2)])
def test_one_output_is_compared_with_targets_of_plus_and_minus_one(losses, kind, power):
    outputs, labels = np.array([[-3.0], [-0.25], [0.0], [0.5], [1.0], [7.0]]), np.array([0, 1, 0, 1, 1, 0], np.int32)
    signs = np.where(labels, 1.0, -1.0)
    expected = np.maximum(0.0, 1.0 - signs * outputs[:, 0]) ** power
    assert losses(kind(), outputs, labels).tolist() == expected.tolist()


def test_several_labels_are_averaged(losses):
    outputs, labels = np.array([[2.0, 0.5], [-2.0, 0.0]]), np.array([[1, 1], [1, 0]], np.int32)
    assert losses(Hinge(), outputs, labels).tolist() == [0.25, 2.0]
    Hinge().check(PETS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_at_the_margin_is_zero(gradient, kind):
    assert not gradient(kind(), np.array([[1.0], [-1.0]]), np.array([1, 0], np.int32)).any()
    assert not gradient(kind(), np.array([[1.0, 0.0, -5.0]]), np.array([0], np.int32)).any()


def test_the_score_of_the_label_rises_as_much_as_others_fall(gradient):
    found = gradient(Hinge(), np.array([[0.0, 0.5, -3.0, 1.0]]), np.array([0], np.int32))
    assert found.tolist() == [[-0.5, 0.25, 0.0, 0.25]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("margin", [0.0, -1.0, float("inf"), float("nan")])
def test_a_margin_out_of_range_is_refused(kind, margin):
    with pytest.raises(ValueError, match=f"margin.*{margin}"):
        kind(margin=margin)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_refused(kind):
    with pytest.raises(ConfigError, match=r"^\w*hinge needs classes, and the target 'price' holds numbers: use mse$"):
        kind().check(PRICE)
