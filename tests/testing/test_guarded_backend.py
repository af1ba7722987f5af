"""The backend that raises on a read inside the loop: what it lets through, and what not."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import CheckpointConfig, EarlyStoppingConfig, Hooks, Member, WorkflowConfig
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.optimizers import AdamW
from gmcore.nn.schedules import Constant
from gmcore.ports import TrainingTask
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing import GuardedBackend, TinyModel, two_moons
from gmcore.training import GradientDescent

MEMBERS = [Member(index=index, train=np.arange(90), stop=np.arange(90, 120)) for index in range(3)]


@pytest.fixture(params=["metal", "jax"])
def guarded(request):
    if request.param not in gmcore.float32.backends:
        pytest.skip(f"{request.param} is not installed")
    return GuardedBackend(inner=gmcore.float32.backends.create(request.param, device="cpu"))


def task_on(guarded, **settings):
    rows = two_moons(120)
    return TrainingTask(
        model=TinyModel(schema=rows.schema),
        rows=rows,
        backend=guarded.inner,
        optimizer=AdamW(learning_rate=0.03),
        schedule=Constant(),
        gradients=Backpropagation(),
        config=WorkflowConfig(max_epochs=7, batch_size=16, **settings),
    )


@pytest.mark.parametrize("stopping", [None, EarlyStoppingConfig(patience=1)])
@pytest.mark.parametrize("members", [3, 2])
def test_training_reads_once_an_epoch(guarded, stopping, members):
    task = task_on(guarded, early_stopping=stopping, members_per_chunk=members)
    epochs = []
    watched = guarded.guard(attrs.evolve(task, hooks=Hooks(epoch_end=(epochs.append,))))
    results = GradientDescent().train(watched, MEMBERS)
    plain = GradientDescent().train(task, MEMBERS)
    assert [one.best_loss for one in results] == [one.best_loss for one in plain]
    assert 0 < guarded.reads <= len(epochs) <= guarded.epochs


def test_a_checkpoint_that_is_due_is_read_and_nothing_besides(guarded, tmp_path):
    config = CheckpointConfig(every_epochs=2, every_steps=3)
    task = attrs.evolve(task_on(guarded), checkpoints=Checkpoints(folder=tmp_path, config=config))
    GradientDescent().train(guarded.guard(task), MEMBERS)
    assert 0 < guarded.reads <= 7


def test_a_read_at_every_step_is_an_error(guarded):
    task = task_on(guarded, checkpoint=CheckpointConfig(every_steps=1))
    curious = Hooks(batch_end=(lambda _: guarded.to_numpy(guarded.asarray(np.ones(2))),))
    with pytest.raises(AssertionError, match=r"read from the device during epoch 1; only one read"):
        GradientDescent().train(guarded.guard(attrs.evolve(task, hooks=curious)), MEMBERS)


def test_a_second_read_an_epoch_is_an_error(guarded):
    curious = Hooks(epoch_end=(lambda _: guarded.to_numpy(guarded.asarray(np.ones(2))),))
    with pytest.raises(AssertionError, match="read from the device"):
        GradientDescent().train(guarded.guard(attrs.evolve(task_on(guarded), hooks=curious)), MEMBERS)
