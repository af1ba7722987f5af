import numpy as np
import pytest

from gmcore.nn.losses import LOSSES, binary_cross_entropy, cross_entropy, dense_cross_entropy

# The expected numbers were written by torch 2.13 in float64.
LOGITS = np.array([[0.3, -1.2, 2.0], [2.5, 0.0, 0.0], [-100.0, 40.0, 900.0]])


def test_cross_entropy_is_torchs(xp):
    found = cross_entropy(xp, LOGITS, np.array([0, 2, 1], np.int32))
    assert found == pytest.approx([1.9016712449527906, 2.652008384391135, 860.0], rel=1e-14)


def test_cross_entropy_with_a_distribution_is_torchs(xp):
    shares = np.array([[0.1, 0.2, 0.7], [0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
    found = dense_cross_entropy(xp, LOGITS, shares)
    assert found == pytest.approx([1.0116712449527907, 2.652008384391135, 715.0], rel=1e-14)


Z = np.array([-800.0, -3.0, 0.0, 0.7, 40.0])
YES = [800.0, 3.048587351573742, 0.6931471805599453, 0.4031860488854579, 4.248354255291589e-18]
NO = [0.0, 0.048587351573742055, 0.6931471805599453, 1.103186048885458, 40.0]


@pytest.mark.parametrize(("target", "expected"), [(1, YES), (0, NO)])
def test_binary_cross_entropy_is_torchs(xp, target, expected):
    found = binary_cross_entropy(xp, Z[:, None], np.full(5, target, np.int32))
    assert found == pytest.approx(expected, rel=1e-13, abs=0)


def test_several_yes_or_no_outputs_are_averaged(xp):
    found = binary_cross_entropy(xp, np.stack([Z, Z], axis=1), np.tile([1.0, 0.0], (5, 1)))
    assert found == pytest.approx((np.array(YES) + NO) / 2, rel=1e-13)


def test_binary_is_the_same_as_two_classes(xp):
    targets = np.array([0, 1, 1, 0, 1], np.int32)
    two = np.stack([np.zeros(5), Z], axis=1)
    assert binary_cross_entropy(xp, Z[:, None], targets) == pytest.approx(cross_entropy(xp, two, targets), rel=1e-13)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_the_gradient_is_what_is_predicted_less_what_is_so(double, scale):
    logits = scale * np.array([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
    targets = np.array([2, 0], np.int32)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = shifted / shifted.sum(axis=1, keepdims=True) - np.eye(3)[targets]

    def total(logits, targets):
        return double.xp.sum(cross_entropy(double.xp, logits, targets)), ()

    _, found = double.value_and_grad(total)(*double.asarray((logits, targets)))
    assert double.to_numpy(found) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_the_binary_gradient_is_what_is_predicted_less_what_is_so_also_at_zero(double):
    z, targets = np.array([[0.0], [0.0], [30.0], [-1.0], [-900.0]]), np.array([0, 1, 1, 1, 1], np.int32)

    def total(logits, targets):
        return double.xp.sum(binary_cross_entropy(double.xp, logits, targets)), ()

    _, found = double.value_and_grad(total)(*double.asarray((z, targets)))
    expected = [0.5, -0.5, -1 / (1 + np.exp(30.0)), -1 / (1 + np.exp(-1.0)), -1.0]
    assert double.to_numpy(found)[:, 0] == pytest.approx(expected, rel=1e-12)


def test_the_menu_has_every_loss():
    assert sorted(LOSSES) == ["binary_cross_entropy", "cross_entropy", "dense_cross_entropy", "huber", "mae", "mse"]
