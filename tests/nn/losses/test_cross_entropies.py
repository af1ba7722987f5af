import numpy as np
import pytest

from gmcore.domain import Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.losses import BinaryCrossEntropy, CrossEntropy, DenseCrossEntropy

# The expected numbers were written by torch 2.13 in float64.
LOGITS = np.array([[0.3, -1.2, 2.0], [2.5, 0.0, 0.0], [-100.0, 40.0, 900.0]])
LABELS = np.array([0, 2, 1], np.int32)

AMOUNTS = ', or, if its values are amounts, say so to the data provider: task = "regression"'


def test_cross_entropy_is_torchs(losses):
    found = losses(CrossEntropy(), LOGITS, LABELS)
    assert found == pytest.approx([1.9016712449527906, 2.652008384391135, 860.0], rel=1e-14)


def test_cross_entropy_with_a_distribution_is_torchs(losses):
    shares = np.array([[0.1, 0.2, 0.7], [0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
    found = losses(DenseCrossEntropy(), LOGITS, shares)
    assert found == pytest.approx([1.0116712449527907, 2.652008384391135, 715.0], rel=1e-14)


Z = np.array([-800.0, -3.0, 0.0, 0.7, 40.0])
YES = [800.0, 3.048587351573742, 0.6931471805599453, 0.4031860488854579, 4.248354255291589e-18]
NO = [0.0, 0.048587351573742055, 0.6931471805599453, 1.103186048885458, 40.0]


@pytest.mark.parametrize("loss", [CrossEntropy(), BinaryCrossEntropy()], ids=repr)
@pytest.mark.parametrize(("target", "expected"), [(1, YES), (0, NO)])
def test_the_loss_of_one_log_odds_output_is_torchs_binary_cross_entropy(losses, loss, target, expected):
    found = losses(loss, Z[:, None], np.full(5, target, np.int32))
    assert found == pytest.approx(expected, rel=1e-13, abs=0)


def test_numeric_targets_may_be_any_probabilities(losses):
    shares = np.array([[0.3], [1.0], [0.0], [0.5], [0.25]])
    found = losses(BinaryCrossEntropy(), Z[:, None], shares)
    assert found == pytest.approx(shares[:, 0] * YES + (1 - shares[:, 0]) * NO, rel=1e-13)


def test_several_yes_or_no_outputs_are_averaged(losses):
    found = losses(BinaryCrossEntropy(), np.stack([Z, Z], axis=1), np.tile([1.0, 0.0], (5, 1)))
    assert found == pytest.approx((np.array(YES) + NO) / 2, rel=1e-13)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_log_odds_output_is_the_same_as_two_scores(losses, smoothing):
    loss, labels = CrossEntropy(label_smoothing=smoothing), np.array([0, 1, 1, 0, 1], np.int32)
    two = np.stack([np.zeros(5), Z], axis=1)
    assert losses(loss, Z[:, None], labels) == pytest.approx(losses(loss, two, labels), rel=1e-13)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_the_gradient_is_probabilities_less_the_label(gradient, scale):
    logits = scale * np.array([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
    labels = np.array([2, 0], np.int32)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = shifted / shifted.sum(axis=1, keepdims=True) - np.eye(3)[labels]
    assert gradient(CrossEntropy(), logits, labels) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_the_binary_gradient_is_the_probability_less_the_label_also_at_zero(gradient):
    z, labels = np.array([[0.0], [0.0], [30.0], [-1.0], [-900.0]]), np.array([0, 1, 1, 1, 1], np.int32)
    expected = [0.5, -0.5, -1 / (1 + np.exp(30.0)), -1 / (1 + np.exp(-1.0)), -1.0]
    assert gradient(CrossEntropy(), z, labels)[:, 0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.0}], ids=str)
def test_a_small_loss_keeps_its_digits_beside_large_scores_in_float32(backend_class, settings):
    backend = backend_class(dtype="float32", device="cpu")
    scores, labels = np.array([[1e3, 1e3, -1e3], [115.0, 100.0, 0.0]]), np.array([0, 0], np.int32)

    def of_rows(scores, labels, shares):
        classes = CrossEntropy().of_rows(scores, labels, settings=settings, xp=backend.xp)
        return classes, DenseCrossEntropy().of_rows(scores, shares, settings={}, xp=backend.xp)

    arguments = backend.asarray((scores, labels, np.eye(3)[labels]))
    for losses in backend.to_numpy(backend.compile(of_rows)(*arguments)):
        assert losses == pytest.approx([np.log(2), np.log1p(np.exp(-15))], rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("smoothing", [0.1, 0.6])
def test_label_smoothing_spreads_a_share_of_each_label_over_all_classes(losses, smoothing):
    spread = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    found = losses(CrossEntropy(label_smoothing=smoothing), LOGITS, LABELS)
    assert found == pytest.approx(losses(DenseCrossEntropy(), LOGITS, spread), rel=1e-13)
    arrays = losses(CrossEntropy(label_smoothing=0.5), LOGITS, LABELS, label_smoothing=np.array(smoothing))
    assert np.array_equal(arrays, found)


@pytest.mark.parametrize("kind", [CrossEntropy, BinaryCrossEntropy])
def test_no_smoothing_is_no_setting_and_the_same_as_a_smoothing_of_zero(losses, kind):
    z, labels = LOGITS[:, :1], np.array([0, 1, 1], np.int32)
    assert kind().settings == {}
    assert kind(label_smoothing=0.1).settings == {"label_smoothing": 0.1}
    assert losses(kind(), z, labels, label_smoothing=0.0) == pytest.approx(losses(kind(), z, labels), rel=1e-14)


@pytest.mark.parametrize("kind", [CrossEntropy, BinaryCrossEntropy])
@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_a_smoothing_out_of_range_is_refused(kind, smoothing):
    with pytest.raises(ValueError, match=f"label_smoothing.*{smoothing}"):
        kind(label_smoothing=smoothing)


SICK = Target(names=("sick",), kind=TargetKind.BINARY, classes=("no", "yes"))
SPECIES = Target(names=("species",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"))
PRICE = Target(names=("price",), kind=TargetKind.REGRESSION)
PETS = Target(names=("cat", "dog"), kind=TargetKind.REGRESSION)


@pytest.mark.parametrize(
    ("loss", "target", "message"),
    [
        (CrossEntropy(), PRICE, "cross_entropy needs classes, and the target 'price' holds numbers: use mse"),
        (CrossEntropy(), PETS, "cross_entropy needs classes, and the targets 'cat', 'dog' hold numbers: use mse"),
        (
            BinaryCrossEntropy(),
            SPECIES,
            "binary_cross_entropy needs two classes, and the target 'species' holds 3: use cross_entropy",
        ),
        (
            DenseCrossEntropy(),
            SPECIES,
            "dense_cross_entropy needs numbers, and the target 'species' holds classes: use cross_entropy" + AMOUNTS,
        ),
        (
            DenseCrossEntropy(),
            PRICE,
            "dense_cross_entropy needs a column for each class, and the target 'price' holds a single number: use mse",
        ),
    ],
)
def test_a_target_of_the_wrong_kind_is_refused_with_the_loss_for_it(loss, target, message):
    with pytest.raises(ConfigError) as caught:
        loss.check(target)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (CrossEntropy(), SICK),
        (CrossEntropy(), SPECIES),
        (BinaryCrossEntropy(), SICK),
        (BinaryCrossEntropy(), PETS),
        (DenseCrossEntropy(), PETS),
    ],
)
def test_a_target_of_the_right_kind_is_accepted(loss, target):
    loss.check(target)
