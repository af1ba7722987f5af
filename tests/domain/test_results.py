"""What results say of several models: failed ones are left out of means, and can't be ranked."""

import math

import attrs
import numpy as np
import pytest

from gmcore.domain import CVResult, Failure, FoldResult, TrainingResult, TrialResult, ValidationResult, Variables

FAILURE = Failure(
    epoch=1, step=1, loss=math.inf, largest_gradient=1.0, parameter="w", largest_weight=1.0, learning_rate=1.0
)


def fold(index, loss, failure=None):
    training = TrainingResult(
        member=index,
        variables=Variables(),
        epochs=1,
        best_epoch=1,
        final_loss=loss,
        best_loss=loss,
        history={},
        seconds=0.0,
        failure=failure,
    )
    scored = ValidationResult(
        loss=loss, metrics={"accuracy": loss / 10}, n_samples=1, predictions=np.zeros((1, 1)), seconds=0.0
    )
    return FoldResult(index=index, training=training, validation=scored)


def test_means_are_of_the_folds_that_did_not_fail():
    done = CVResult(folds=(fold(0, 1.0), fold(1, 999.0, FAILURE), fold(2, 4.0)), seconds=0.0)
    assert done.mean == pytest.approx({"loss": 2.5, "accuracy": 0.25})
    assert done.std == pytest.approx({"loss": 1.5, "accuracy": 0.15})
    assert [one.index for one in done.failed_folds] == [1]


def test_if_all_folds_fail_means_are_nan():
    done = CVResult(folds=(fold(0, 1.0, FAILURE),), seconds=0.0)
    assert all(map(math.isnan, [*done.mean.values(), *done.std.values()]))


def trial(**changes):
    scores = {"loss": np.array([1.0, 3.0]), "accuracy": np.array([0.5, 0.7])}
    sound = TrialResult(index=0, settings={}, scores=scores, epochs=np.ones(2), metric="accuracy")
    return attrs.evolve(sound, **changes)


def test_a_trial_is_ranked_by_the_mean_of_its_metric():
    assert trial().value == pytest.approx(0.6)
    assert trial().std == pytest.approx({"loss": 1.0, "accuracy": 0.1})
    assert not trial().failed


@pytest.mark.parametrize(
    "changes",
    [
        {"failure": "in fold 0, the loss was inf"},
        {"scores": {"loss": np.array([1.0, np.inf]), "accuracy": np.array([0.5, 0.7])}},
        {"scores": {"loss": np.array([1.0, 3.0]), "accuracy": np.array([0.5, np.nan])}},
    ],
    ids=["training", "loss", "metric"],
)
def test_a_trial_has_failed_if_training_did_or_its_loss_or_metric_is_no_number(changes):
    assert trial(**changes).failed
