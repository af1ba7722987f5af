import numpy as np
import pytest

from gmcore.nn.losses import (
    binary_cross_entropy,
    cross_entropy,
    dense_cross_entropy,
    smoothed_binary_cross_entropy,
    smoothed_cross_entropy,
)

LOGITS = np.array([[0.3, -1.2, 2.0], [2.5, 0.0, 0.0], [-100.0, 40.0, 900.0]])
LABELS = np.array([0, 2, 1], np.int32)


@pytest.mark.parametrize("smoothing", [0.1, np.array(0.6)], ids=["number", "array"])
def test_a_share_of_each_label_is_spread_over_all_classes(xp, smoothing):
    spread = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    found = smoothed_cross_entropy(xp, LOGITS, LABELS, label_smoothing=smoothing)
    assert found == pytest.approx(dense_cross_entropy(xp, LOGITS, spread), rel=1e-13)


def test_without_smoothing_it_is_plain_cross_entropy(xp):
    found = smoothed_cross_entropy(xp, LOGITS, LABELS, label_smoothing=0.0)
    assert found == pytest.approx(cross_entropy(xp, LOGITS, LABELS), rel=1e-14)
    z, yes = LOGITS[:, :1], np.array([0, 1, 1], np.int32)
    found = smoothed_binary_cross_entropy(xp, z, yes, label_smoothing=0.0)
    assert found == pytest.approx(binary_cross_entropy(xp, z, yes), rel=1e-14)


def test_yes_or_no_is_smoothed_as_two_classes_are(xp):
    z, yes = np.array([[-800.0], [-3.0], [0.7], [40.0]]), np.array([0, 1, 0, 1], np.int32)
    two = np.concatenate([np.zeros_like(z), z], axis=1)
    found = smoothed_binary_cross_entropy(xp, z, yes, label_smoothing=0.2)
    assert found == pytest.approx(smoothed_cross_entropy(xp, two, yes, label_smoothing=0.2), rel=1e-13)
