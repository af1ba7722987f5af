"""A chunk's checkpoints: a resumed chunk ends in the same bits, whatever its trees lack."""

import attrs
import pytest

from gmcore.domain import CheckpointConfig, Hooks
from gmcore.nn.optimizers import SGD
from gmcore.storage.checkpoint import Checkpoints
from gmcore.training import GradientDescent

EVERY_EPOCH = CheckpointConfig(seconds=float("inf"), every_epochs=1)


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


def saved_in(task, folder, hooks=None):
    return attrs.evolve(task, checkpoints=Checkpoints(folder=folder, config=EVERY_EPOCH, hooks=hooks or Hooks()))


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
