"""Averages of weights: what they are, and that they are what is evaluated, kept and resumed."""

import attrs
import numpy as np
import pytest

from gmcore.domain import AverageConfig, EarlyStoppingConfig, Member, WorkflowConfig
from gmcore.domain.tree import tree_flatten
from gmcore.nn.schedules import Constant
from gmcore.training import GradientDescent
from gmcore.training.fleet.steps.averaging import newest_weights

WORKFLOW = GradientDescent()
MEMBERS = [
    Member(index=index, train=np.arange(60 + 20 * index), stop=np.arange(150, 203), seed=index) for index in range(3)
]
EMA = AverageConfig(kind="ema", decay=0.9)
SWA = AverageConfig(kind="swa", start_epoch=3)


@pytest.fixture
def constant(configured):
    """Return a call that trains with a constant learning rate."""

    def train(members=MEMBERS, **config):
        task = attrs.evolve(configured(**{"early_stopping": None, **config}), schedule=Constant())
        return WORKFLOW.train(task, members)

    return train


def flat(result):
    return {name: leaf.astype(np.float64) for name, leaf in tree_flatten(result.variables.params).items()}


def test_swa_is_the_mean_of_the_weights_at_the_ends_of_epochs(constant):
    ends = [[flat(one) for one in constant(max_epochs=epochs)] for epochs in (3, 4, 5)]
    averaged = constant(max_epochs=5, average=SWA)
    for place, result in enumerate(averaged):
        for name, leaf in flat(result).items():
            expected = np.mean([of_epoch[place][name] for of_epoch in ends], axis=0)
            np.testing.assert_allclose(leaf, expected, rtol=2e-6, atol=1e-7)


def test_until_swa_begins_it_is_the_weights_to_the_bit(constant):
    late = AverageConfig(kind="swa", start_epoch=4)
    for one, other in zip(constant(max_epochs=4, average=late), constant(max_epochs=4), strict=True):
        np.testing.assert_equal(flat(one), flat(other))


def test_ema_of_one_step_an_epoch_is_its_formula(constant):
    whole = [attrs.evolve(member, train=np.arange(40)) for member in MEMBERS]
    ends = [[flat(one) for one in constant(whole, max_epochs=epochs, batch_size=64)] for epochs in (1, 2, 3)]
    for place, result in enumerate(constant(whole, max_epochs=3, batch_size=64, average=EMA)):
        for name, leaf in flat(result).items():
            first, second, third = (of_epoch[place][name] for of_epoch in ends)
            expected = 0.9 * (0.9 * first + 0.1 * second) + 0.1 * third
            np.testing.assert_allclose(leaf, expected, rtol=2e-6, atol=1e-7)


def test_stop_loss_and_scores_are_the_averages(constant, task):
    averaged = constant(max_epochs=5, average=AverageConfig(kind="ema", decay=0.98))
    plain = constant(max_epochs=5)
    scores = WORKFLOW.validate(task, [one.variables for one in averaged], [member.stop for member in MEMBERS])
    for one, other, score in zip(averaged, plain, scores, strict=True):
        assert one.history["stop_loss"][-1] == pytest.approx(score.loss, rel=1e-5)
        assert one.history["stop_loss"][-1] != other.history["stop_loss"][-1]
        np.testing.assert_array_equal(one.history["train_loss"], other.history["train_loss"])


@pytest.mark.parametrize("average", [EMA, SWA], ids=["ema", "swa"])
def test_a_member_is_the_same_alone_and_in_a_fleet(constant, same_results, average):
    config = {"max_epochs": 4, "average": average, "early_stopping": EarlyStoppingConfig(patience=3)}
    together = constant(**config)
    same_results([constant([member], **config)[0] for member in MEMBERS], together)


def test_the_plan_of_an_average_is_per_member():
    steps = np.array([2, 3])
    np.testing.assert_array_equal(
        newest_weights(AverageConfig(kind="swa", start_epoch=2), 2, steps, 3), [[0, 0], [0.5, 0], [0, 0.5]]
    )
    np.testing.assert_array_equal(newest_weights(SWA, 0, steps, 3), [[1, 1], [1, 1], [0, 1]])
    np.testing.assert_allclose(
        newest_weights(AverageConfig(kind="ema"), 0, steps, 3), [[1, 1], [0.001, 0.001], [0, 0.001]]
    )
    np.testing.assert_allclose(newest_weights(EMA, 1, steps, 3), [[0.1, 0.1], [0.1, 0.1], [0, 0.1]])


def test_an_average_that_begins_after_training_is_refused():
    with pytest.raises(ValueError, match=r"average must begin in one of the 5 epochs, got start_epoch = 6"):
        WorkflowConfig(max_epochs=5, average=AverageConfig(kind="swa", start_epoch=6))


def test_a_decay_for_swa_is_refused():
    with pytest.raises(ValueError, match="weights all epochs equally"):
        AverageConfig(kind="swa", decay=0.9)
