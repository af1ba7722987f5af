"""What listeners hear of epochs and steps: the numbers that training has, and no way to change them."""

import attrs
import numpy as np
import pytest

from gmcore.builtins.metrics import Accuracy
from gmcore.domain import BatchEnd, CheckpointConfig, EpochEnd, EpochStart, Hooks, Member
from gmcore.training import GradientDescent

# 7 and 4 steps per epoch; the second one stops early, the third has no stop rows.
MEMBERS = [
    Member(index=4, train=np.arange(100), stop=np.arange(100, 150)),
    Member(index=2, train=np.arange(60), stop=np.arange(150, 203), settings={"learning_rate": 1e-9}),
    Member(index=9, train=np.arange(60)),
]


@pytest.fixture
def heard(configured):
    """Return a call that trains the members and returns their results, the task, and all events of some kinds."""

    def train(*kinds, **changes):
        events = []
        task = configured(max_epochs=5, **changes)
        hooks = Hooks(**dict.fromkeys(kinds, (events.append,)))
        return GradientDescent().train(attrs.evolve(task, hooks=hooks), MEMBERS), task, events

    return train


def test_an_epochs_end_has_the_numbers_of_every_member(heard):
    results, task, events = heard("epoch_end")
    epochs: list[EpochEnd] = events
    assert [one.epochs for one in results] == [5, 3, 5]
    steps = np.array([7, 4, 4])
    rates = np.array([0.03, 1e-9, 0.03])
    for number, moment in enumerate(epochs, 1):
        assert (moment.epoch, moment.members) == (number, (4, 2, 9))
        for place, one in enumerate(results):
            trained = number <= one.epochs
            for name in ("train_loss", "stop_loss"):
                expected = one.history[name][number - 1] if trained else np.nan
                np.testing.assert_equal(getattr(moment, name)[place], expected)
            assert moment.active[place] == (number < one.epochs or one.epochs == 5)
        # Each member's own last step of the epoch.
        last = task.schedule.factor(number * steps - 1, 5 * steps, steps)
        np.testing.assert_allclose(moment.learning_rate, rates * last)
    assert np.isnan([moment.stop_loss[2] for moment in epochs]).all()


def test_no_listener_can_change_the_numbers(configured):
    def spoil(moment):
        arrays = [moment.train_loss, moment.stop_loss, moment.learning_rate, moment.active, *moment.metrics.values()]
        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[:] = 0

    epochs = []
    hooks = Hooks(epoch_end=(spoil, epochs.append))
    GradientDescent().train(attrs.evolve(configured(max_epochs=2), hooks=hooks, metrics=(Accuracy(),)), MEMBERS)
    assert [set(one.metrics) for one in epochs] == [{"accuracy"}] * 2


def test_starts_and_ends_of_epochs_and_segments_are_numbered(heard):
    every = CheckpointConfig(seconds=float("inf"), every_steps=3)
    _, _, events = heard("epoch_start", "batch_end", checkpoint=every, early_stopping=None)
    starts = [one.epoch for one in events if isinstance(one, EpochStart)]
    ends = [(one.epoch, one.step, one.steps) for one in events if isinstance(one, BatchEnd)]
    assert starts == [1, 2, 3, 4, 5]
    assert ends == [(epoch, step, 7) for epoch in starts for step in (3, 6, 7)]
    assert {one.members for one in events} == {(4, 2, 9)}


def test_the_start_of_training_tells_its_size(heard):
    _, task, (start,) = heard("fit_start")
    assert (start.members, start.max_epochs, start.steps_per_epoch) == ((4, 2, 9), 5, 7)
    assert start.model == task.model.info
