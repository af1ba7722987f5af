"""Early stopping: the epochs that a few lines of Python pick from the history of stop losses."""

import attrs
import numpy as np
import pytest

from gmcore.domain import EarlyStoppingConfig, Member
from gmcore.ports import Schedule
from gmcore.training import GradientDescent

WORKFLOW = GradientDescent()
EPOCHS = 14
RULES = [(1, 0.0), (3, 0.0), (3, 0.004), (2, 10.0)]
MEMBERS = [
    Member(index=index, train=np.arange(40 + 20 * index), stop=np.arange(110, 203), seed=index) for index in range(3)
]


@attrs.frozen(kw_only=True)
class Swinging(Schedule):
    """A learning rate that is low for three epochs, then high for two, so that stop losses fall and rise."""

    def factor(self, step, total_steps):
        return np.where((step * EPOCHS // total_steps) % 5 < 3, 0.2, 12.0)


def expected(losses, patience, min_delta):
    """Return the best epoch, the number of epochs, and the best loss."""
    best, best_epoch, stale = np.inf, 0, 0
    for epoch, loss in enumerate(losses, 1):
        if loss < best - min_delta:
            best, best_epoch, stale = loss, epoch, 0
        else:
            stale += 1
        if stale == patience:
            return best_epoch, epoch, best
    return best_epoch, len(losses), best


@pytest.fixture
def trained(configured):
    def train(members=MEMBERS, **stopping):
        config = EarlyStoppingConfig(**stopping)
        task = configured(max_epochs=EPOCHS, early_stopping=config)
        return WORKFLOW.train(attrs.evolve(task, schedule=Swinging()), members)

    return train


@pytest.fixture
def losses(trained):
    """Return each member's stop losses of all epochs."""
    return [one.history["stop_loss"] for one in trained(patience=EPOCHS)]


@pytest.mark.parametrize(("patience", "min_delta"), RULES)
def test_a_member_stops_as_the_rule_says(trained, losses, patience, min_delta):
    for one, series in zip(trained(patience=patience, min_delta=min_delta), losses, strict=True):
        best_epoch, epochs, best = expected(series, patience, min_delta)
        assert (one.best_epoch, one.epochs, one.best_loss) == (best_epoch, epochs, best)
        np.testing.assert_array_equal(one.history["stop_loss"], series[:epochs])


def test_each_rule_stops_elsewhere(losses):
    """So that the test above sees whether an option is ignored."""
    stops = {str([expected(series, *rule)[:2] for series in losses]) for rule in RULES}
    assert len(stops) == len(RULES)


def test_without_stop_rows_a_member_trains_all_epochs_and_keeps_the_last(trained):
    (alone,) = trained([attrs.evolve(MEMBERS[0], stop=np.arange(0))], patience=1)
    assert (alone.epochs, alone.best_epoch, alone.best_loss) == (EPOCHS, EPOCHS, alone.final_loss)
    assert np.isnan(alone.history["stop_loss"]).all()


def test_stop_rows_without_early_stopping_end_nothing(configured):
    task = configured(max_epochs=EPOCHS, early_stopping=None)
    (result,) = WORKFLOW.train(attrs.evolve(task, schedule=Swinging()), MEMBERS[:1])
    assert (result.epochs, result.best_epoch) == (EPOCHS, EPOCHS)
    assert result.best_loss == result.history["stop_loss"].min()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("changes", [{}, {"row_memory": 100}])
def test_a_row_that_is_only_padding_or_weighs_nothing_does_not_matter_even_if_its_loss_is_infinite(
    configured, same_results, changes, weighted
):
    """Row 0 pads the batches of stop rows; row 110 is one of them."""
    task = configured(**changes)
    weights = np.ones(203)
    weights[110] = 0.0
    sane = attrs.evolve(task.rows, weights=weights if weighted else None)
    numbers = sane.inputs["numeric"].copy()
    numbers[[0, 110] if weighted else [0]] = np.inf
    members = [Member(train=np.arange(1, 90), stop=np.arange(110, 203))]
    spoilt = attrs.evolve(task, rows=attrs.evolve(sane, inputs={"numeric": numbers}))
    honest = WORKFLOW.train(attrs.evolve(task, rows=sane), members)
    same_results(WORKFLOW.train(spoilt, members), honest)
    assert np.isfinite(honest[0].best_loss)
    rows = [np.arange(111, 203)]
    found, wanted = (
        WORKFLOW.validate(attrs.evolve(task, rows=one), [honest[0].variables], rows)[0] for one in (spoilt.rows, sane)
    )
    assert found.loss == wanted.loss
