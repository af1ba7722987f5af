"""A chunk's checkpoints: a resumed chunk ends in the same bits, whatever its trees lack."""

import attrs
import numpy as np
import pytest

from gmcore.domain import Cancellation, CheckpointConfig, Hooks, Member
from gmcore.errors import Cancelled
from gmcore.nn.optimizers import SGD
from gmcore.storage.checkpoint import Checkpoints
from gmcore.training import GradientDescent

EVERY_EPOCH = CheckpointConfig(seconds=float("inf"), every_epochs=1)


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


def saved_in(task, folder, hooks=None):
    config = task.config.checkpoint
    return attrs.evolve(task, checkpoints=Checkpoints(folder=folder, config=config, hooks=hooks or Hooks()))


def test_training_with_an_optimizer_without_state_is_resumed(configured, fleet, tmp_path, same_results):
    task = attrs.evolve(configured(checkpoint=EVERY_EPOCH), optimizer=SGD(learning_rate=0.1))
    members = fleet(3)
    uninterrupted = GradientDescent().train(task, members)
    saved = []

    def kill(context):
        saved.append(context)
        if len(saved) == 2:
            raise Killed

    with pytest.raises(Killed):
        GradientDescent().train(saved_in(task, tmp_path, Hooks(checkpoint_saved=(kill,))), members)
    same_results(GradientDescent().train(saved_in(task, tmp_path), members), uninterrupted)


def test_a_finished_chunk_is_restored_with_its_wall_time(configured, fleet, tmp_path, same_results):
    task = saved_in(configured(checkpoint=EVERY_EPOCH), tmp_path)
    trained = GradientDescent().train(task, fleet(2))
    restored = GradientDescent().train(task, fleet(2))
    same_results(restored, trained)
    assert restored[0].seconds == Checkpoints(folder=tmp_path, config=EVERY_EPOCH).load(0).seconds


@pytest.mark.parametrize(
    ("every", "places"),
    [
        ({}, []),
        ({"every_epochs": 2}, [(2, 0)]),
        ({"every_steps": 3}, [(0, 3), (0, 6), (1, 3), (1, 6), (2, 3), (2, 6)]),
        ({"every_steps": 4, "every_epochs": 1}, [(0, 4), (1, 0), (1, 4), (2, 0), (2, 4), (3, 0)]),
        ({"seconds": 0.0}, [(1, 0), (2, 0), (3, 0)]),
    ],
    ids=str,
)
def test_checkpoints_are_written_when_they_are_due_and_at_the_end(configured, tmp_path, every, places):
    written = []

    def note(moment):
        _, _, epoch, step = moment.path.stem.split("-")
        written.append((int(epoch), int(step)))

    config = CheckpointConfig(**{"seconds": float("inf"), **every})
    task = configured(checkpoint=config, max_epochs=3, early_stopping=None)
    # 7 steps per epoch.
    GradientDescent().train(saved_in(task, tmp_path, Hooks(checkpoint_saved=(note,))), [Member(train=np.arange(100))])
    assert written == [*places, (3, 0)]


@pytest.mark.parametrize("event", ["batch_end", "epoch_end"])
def test_a_stopped_run_writes_where_it_stands_and_goes_on_from_there(configured, fleet, tmp_path, same_results, event):
    task = configured(checkpoint=CheckpointConfig(seconds=float("inf")), early_stopping=None, row_memory=100)
    members, cancellation, begun = fleet(2), Cancellation(), []
    stopping = Hooks(**{event: (lambda moment: moment.epoch == 3 and cancellation.cancel(15),)})
    with pytest.raises(Cancelled):
        GradientDescent().train(
            attrs.evolve(saved_in(task, tmp_path), hooks=stopping, cancellation=cancellation), members
        )
    assert len(list(tmp_path.iterdir())) == 1
    epoch = Checkpoints(folder=tmp_path, config=task.config.checkpoint).load(0).epoch
    assert epoch >= 3
    resumed = attrs.evolve(saved_in(task, tmp_path), hooks=Hooks(epoch_start=(lambda one: begun.append(one.epoch),)))
    same_results(GradientDescent().train(resumed, members), GradientDescent().train(task, members))
    assert begun == list(range(epoch + 1, task.config.max_epochs + 1))


def test_a_resumed_chunk_counts_the_seconds_from_before(configured, tmp_path):
    task = configured(checkpoint=EVERY_EPOCH, early_stopping=None)

    def kill(moment):
        if moment.epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        GradientDescent().train(
            saved_in(task, tmp_path, Hooks(checkpoint_saved=(kill,))), [Member(train=np.arange(100))]
        )
    store = Checkpoints(folder=tmp_path, config=EVERY_EPOCH)
    store.save(attrs.evolve(store.load(0), seconds=1e6))
    store.wait()
    (resumed,) = GradientDescent().train(saved_in(task, tmp_path), [Member(train=np.arange(100))])
    assert 1e6 < resumed.seconds < 1.1e6
    assert store.load(0).seconds == pytest.approx(resumed.seconds, abs=1e3)


def test_a_member_that_failed_before_a_checkpoint_has_failed_after_a_resume_too(configured, tmp_path, same_results):
    task = configured(checkpoint=EVERY_EPOCH, early_stopping=None)
    wild = Member(index=5, train=np.arange(100), settings={"learning_rate": 1e30})
    members = [wild, Member(train=np.arange(100)), attrs.evolve(wild, index=6)]

    def kill(moment):
        if moment.epoch == 3:
            raise Killed

    with pytest.raises(Killed):
        GradientDescent().train(saved_in(task, tmp_path, Hooks(checkpoint_saved=(kill,))), members)
    told = []
    resumed = attrs.evolve(saved_in(task, tmp_path), hooks=Hooks(member_failed=(told.append,)))
    results = GradientDescent().train(resumed, members)
    same_results(results, GradientDescent().train(task, members))
    assert [one.failure and (one.failure.epoch, one.failure.step) for one in results] == [(1, 2), None, (1, 2)]
    assert told == []


class Punctual(Checkpoints):
    """A store whose files are written when `save` returns, though nothing has been told yet."""

    def save(self, snapshot):
        super().save(snapshot)
        future, _ = self._pending
        future.result()


def test_listeners_hear_of_a_checkpoint_before_the_next_one_is_due(configured, tmp_path):
    heard = []
    config = CheckpointConfig(seconds=float("inf"), every_epochs=2)
    hooks = Hooks(
        checkpoint_saved=(lambda moment: heard.append(("saved", moment.epoch)),),
        epoch_start=(lambda moment: heard.append(("start", moment.epoch)),),
    )
    task = attrs.evolve(
        configured(max_epochs=5, early_stopping=None),
        hooks=attrs.evolve(hooks, checkpoint_saved=()),
        checkpoints=Punctual(folder=tmp_path, config=config, hooks=hooks),
    )
    GradientDescent().train(task, [Member(train=np.arange(100))])
    # The copy after epoch 2 is read once epoch 3 is enqueued, and its file is reported with the start of epoch 4.
    assert heard.index(("saved", 2)) < heard.index(("start", 5))
