"""Runs with a loss of a whole batch: a network that learns an order, and scores of rows that do not fill a batch."""

import attrs
import numpy as np
import pytest

from gmcore.domain import Feature, Member, Schema, Target, TargetKind
from gmcore.nn.layers import Concatenate, Dense, Sequential
from gmcore.nn.losses import PearsonCorrelation
from gmcore.nn.network import Network
from gmcore.training import GradientDescent
from gmcore.training.fleet.members import evaluation_batch

WORKFLOW = GradientDescent()


@pytest.fixture
def ordering(configured):
    """Return a task of a regression whose targets are a curved function of a sum."""
    task = configured(max_epochs=15, early_stopping=None)
    numbers = task.rows.inputs["numeric"]
    schema = Schema(
        features=(Feature(name="x"), Feature(name="y")),
        target=Target(names=("height",), kind=TargetKind.REGRESSION),
    )
    rows = attrs.evolve(task.rows, schema=schema, targets=500 + np.exp(numbers.sum(axis=1, keepdims=True)))
    layer = Sequential((Concatenate({"numeric": Dense(8)}), Dense(1)))
    return attrs.evolve(task, rows=rows, model=Network(layer, PearsonCorrelation(), schema))


def correlation(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def test_a_network_learns_the_order_of_the_targets(ordering):
    member = Member(train=np.arange(150), score=np.arange(150, 203))
    (result,) = WORKFLOW.train(ordering, [member])
    (score,) = WORKFLOW.validate(ordering, [result.variables], [member.score])
    assert correlation(score.predictions, ordering.rows.targets[member.score]) > 0.85
    assert result.history["train_loss"][-1] < 0.5 * result.history["train_loss"][0]


def test_the_loss_of_scored_rows_is_the_mean_over_batches_without_padding(ordering):
    (result,) = WORKFLOW.train(ordering, [Member(train=np.arange(100))])
    rows, size = np.arange(100, 170), evaluation_batch(ordering)
    assert len(rows) % size
    (score,) = WORKFLOW.validate(ordering, [result.variables], [rows])
    targets = ordering.rows.targets[rows]
    cuts = range(size, len(rows), size)
    batches = list(zip(np.split(score.predictions, cuts), np.split(targets, cuts), strict=True))
    losses = [1 - correlation(*batch) for batch in batches]
    assert score.loss == pytest.approx(np.average(losses, weights=[len(one) for one, _ in batches]), rel=1e-4)
