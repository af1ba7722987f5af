"""Scores and predictions of trained members: in float64, of their own rows, by weight."""

import attrs
import numpy as np
import pytest

from gmcore.builtins.metrics import Accuracy, LogLoss
from gmcore.domain import Member, ValidationResult
from gmcore.errors import TrainingError
from gmcore.testing.fakes import two_moons
from gmcore.training import GradientDescent, predict
from gmcore.training.fleet.members import evaluation_batch

WORKFLOW = GradientDescent()


@pytest.fixture
def trained(task):
    members = [Member(index=index, train=np.arange(100), seed=index) for index in range(3)]
    return [result.variables for result in WORKFLOW.train(task, members)]


def test_predictions_are_float64_on_the_host_whatever_the_device_computes_in(task, trained):
    scores = WORKFLOW.validate(task, trained, [np.arange(20)] * 3)
    assert {one.predictions.dtype.name for one in scores} == {"float64"}
    assert predict(task.backend, task.model, trained[0], task.rows).dtype == np.float64


@pytest.mark.parametrize("changes", [{}, {"members_per_chunk": 2}, {"row_memory": 100}])
def test_each_member_is_scored_on_its_own_rows_in_their_order(configured, trained, changes):
    task = attrs.evolve(configured(**changes), metrics=(Accuracy(), LogLoss()))
    rows = [np.arange(203)[::-1], np.arange(50, 60), np.array([], np.int64)]
    scores: list[ValidationResult] = WORKFLOW.validate(task, trained, rows)
    for variables, indices, score in zip(trained, rows, scores, strict=True):
        predictions = predict(task.backend, task.model, variables, task.rows)[indices]
        assert score.n_samples == len(indices)
        np.testing.assert_allclose(score.predictions, predictions, rtol=1e-5, atol=1e-7)
        if len(indices):
            losses = -np.log(predictions[np.arange(len(indices)), task.rows.targets[indices]])
            assert score.loss == pytest.approx(losses.mean(), rel=1e-5)
            assert score.metrics["log_loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert scores[2].metrics == {}
    assert np.isnan(scores[2].loss)


@pytest.mark.parametrize(
    ("rows", "batch_size", "expected"),
    [(203, 16, 32), (203, 32, 32), (203, 33, 33), (800, 16, 128), (1023, 16, 128), (1024, 16, 256),
     (40_000, 16, 4096), (40_000, 5000, 5000), (3, 1, 1)],
)  # fmt: skip
def test_an_eighth_of_the_rows_is_scored_at_once_but_at_least_a_batch_and_at_most_4096(
    configured, rows, batch_size, expected
):
    assert evaluation_batch(attrs.evolve(configured(batch_size=batch_size), rows=two_moons(rows))) == expected


def test_more_rows_than_one_call_predicts_come_in_order(task, trained):
    rows = two_moons(1024 + 3)
    whole = predict(task.backend, task.model, trained[0], rows)
    assert whole.shape == (1027, 2)
    last = predict(task.backend, task.model, trained[0], rows.take(np.arange(1000, 1027)))
    np.testing.assert_allclose(whole[1000:], last, rtol=1e-5, atol=1e-7)


def test_metrics_that_return_the_same_name_are_refused(task, trained):
    twice = attrs.evolve(task, metrics=(Accuracy(), Accuracy()))
    with pytest.raises(TrainingError, match="two metrics return 'accuracy'"):
        WORKFLOW.validate(twice, trained[:1], [np.arange(20)])
