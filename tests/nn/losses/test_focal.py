import numpy as np
import pytest

from gmcore.domain import Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.losses import BinaryCrossEntropy, CrossEntropy, Focal

SCORES = np.array([[0.3, -1.2, 2.0], [2.5, 0.0, 0.0], [-100.0, 40.0, 900.0]])
CLASSES, LABELS = np.array([0, 2, 1], np.int32), np.array([[0, 1, 1], [1, 0, 0], [1, 1, 0]], np.int32)
SPECIES = Target(names=("species",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"))
SICK = Target(names=("sick",), kind=TargetKind.BINARY, classes=("no", "yes"))
PETS = Target(names=("cat", "dog"), kind=TargetKind.MULTILABEL)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_gamma_of_zero_gives_the_cross_entropies(losses, smoothing):
    loss = Focal(gamma=0.0, label_smoothing=smoothing)
    entropies = CrossEntropy(label_smoothing=smoothing), BinaryCrossEntropy(label_smoothing=smoothing)
    assert losses(loss, SCORES, CLASSES) == pytest.approx(losses(entropies[0], SCORES, CLASSES), rel=1e-13)
    assert losses(loss, SCORES, LABELS) == pytest.approx(losses(entropies[1], SCORES, LABELS), rel=1e-13)


def test_settings_that_drop_out_are_none_and_their_zeros_change_nothing(losses):
    assert Focal(gamma=0.0).settings == {}
    assert Focal(alpha=0.25, label_smoothing=0.1).settings == {"gamma": 2.0, "label_smoothing": 0.1}
    found = losses(Focal(), SCORES, CLASSES, gamma=0.0, label_smoothing=0.0)
    assert found == pytest.approx(losses(Focal(gamma=0.0), SCORES, CLASSES), rel=1e-13)


def test_one_log_odds_output_is_the_same_as_two_scores(losses):
    z, labels = np.array([[-800.0], [-3.0], [0.0], [0.7], [40.0]]), np.array([0, 1, 1, 0, 1], np.int32)
    two = np.concatenate([np.zeros_like(z), z], axis=1)
    for loss in (Focal(), Focal(gamma=0.5, alpha=0.25, label_smoothing=0.2)):
        assert losses(loss, z, labels) == pytest.approx(losses(loss, two, labels), rel=1e-13)


def test_alpha_is_the_weight_of_yes_and_its_complement_that_of_no(losses):
    z, labels = np.array([[0.7], [0.7]]), np.array([1, 0], np.int32)
    assert losses(Focal(alpha=0.25), z, labels) == pytest.approx(losses(Focal(), z, labels) * [0.25, 0.75])


@pytest.mark.parametrize("settings", [{"gamma": 0.5}, {"gamma": 2.0}, {"gamma": 0.5, "label_smoothing": 0.0}], ids=str)
def test_losses_and_gradients_of_extreme_scores_are_finite_in_float32(backend_class, settings):
    backend = backend_class(dtype="float32", device="cpu")
    scores = np.array([[3e4, -3e4, 0.0], [0.0, 3e4, 3e4], [150.0, 0.0, -150.0]])
    labels = np.zeros(3, np.int32)

    def total(scores, labels, settings):
        several = Focal().of_rows(scores, labels, settings=settings, xp=backend.xp)
        single = Focal().of_rows(scores[:, :1], labels, settings=settings, xp=backend.xp)
        return backend.xp.sum(several) + backend.xp.sum(single), (several, single)

    arguments = backend.asarray((scores, labels, {name: np.array(value) for name, value in settings.items()}))
    (_, found), slopes = backend.to_numpy(backend.compile(backend.value_and_grad(total), loops=True)(*arguments))
    assert found[0] == pytest.approx([0.0, 3e4 + np.log(2), 0.0], rel=1e-6, abs=1e-12)
    assert found[1] == pytest.approx([3e4, np.log(2) * 0.5 ** settings["gamma"], 150.0], rel=1e-6)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("target", [SICK, PETS])
def test_two_classes_and_several_labels_are_accepted_with_an_alpha(target):
    Focal(alpha=0.25).check(target)


def test_an_alpha_for_more_classes_is_refused():
    Focal().check(SPECIES)
    with pytest.raises(
        ConfigError, match=r"^focal with alpha needs two classes, and the target 'species' holds 3: use"
    ):
        Focal(alpha=0.25).check(SPECIES)


@pytest.mark.parametrize("options", [{"gamma": -0.1}, {"gamma": np.inf}, {"alpha": 0.0}, {"alpha": 1.0}], ids=str)
def test_an_option_out_of_range_is_refused(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}.*{next(iter(options.values()))}"):
        Focal(**options)


def test_with_alpha_and_smoothing_the_weight_is_that_of_the_smoothed_label(losses):
    """At `gamma = 0` the loss is that without `alpha` times `0.25 * 0.9 + 0.75 * 0.1` for a yes."""
    scores, labels = np.array([[0.7], [0.7]]), np.array([1, 0])
    weighted = losses(Focal(gamma=0.0, alpha=0.25, label_smoothing=0.2), scores, labels)
    plain = losses(Focal(gamma=0.0, label_smoothing=0.2), scores, labels)
    factors = [0.25 * 0.9 + 0.75 * 0.1, 0.25 * 0.1 + 0.75 * 0.9]
    np.testing.assert_allclose(weighted, factors * plain, rtol=1e-12)
