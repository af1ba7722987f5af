"""What schedules do in training: they act, in each member's own epochs, and must fit into its steps."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import Hooks, Member, WorkflowConfig
from gmcore.errors import ConfigError
from gmcore.nn.optimizers import SGD
from gmcore.nn.schedules import Constant, Linear, MultiStep, Step, WarmUp
from gmcore.training import GradientDescent
from gmcore.training.fleet.plan import TrainingPlan

# 3 steps and 1 step an epoch, of 16 rows.
MEMBERS = [Member(index=0, train=np.arange(48)), Member(index=1, train=np.arange(60, 70))]
OPTIMIZER = SGD(learning_rate=0.5)


def plan_of(schedule, **schedules):
    settings = {name: np.full(2, value) for name, value in OPTIMIZER.settings.items()}
    return TrainingPlan(
        members=MEMBERS,
        config=WorkflowConfig(max_epochs=5, batch_size=16),
        schedule=schedule,
        schedules=schedules,
        optimizer=OPTIMIZER,
        settings=settings,
    )


@pytest.mark.parametrize(
    "schedule", [Step(epochs=1, reduction=0.5), MultiStep(epochs=(1, 2, 3), reduction=0.5)], ids=["step", "multi_step"]
)
def test_a_staircase_in_epochs_falls_with_each_members_own_epochs(schedule):
    plan = plan_of(schedule)
    for epoch in range(4):
        rates = plan.learning_rates(epoch)
        assert rates[:3, 0].tolist() == [0.5 * 0.5**epoch] * 3
        assert rates[:1, 1].tolist() == [0.5 * 0.5**epoch]


@pytest.fixture
def backend():
    """Return one backend: what differs between backends is tested elsewhere, and programs take long to compile."""
    name = next(iter(gmcore.float32.backends), None)
    return gmcore.float32.backends.create(name, device="cpu") if name else pytest.skip("no backend is installed")


def test_a_schedule_acts(configured, weights):
    """Where it falls to 0 after two epochs, the weights of later epochs are those of the second."""

    def trained(epochs):
        task = configured(max_epochs=epochs, early_stopping=None)
        falling = attrs.evolve(task, optimizer=OPTIMIZER, schedule=Linear(epochs=2))
        return np.concatenate(weights(GradientDescent().train(falling, MEMBERS)))

    one, two, four = (trained(epochs) for epochs in (1, 2, 4))
    assert np.array_equal(four, two)
    assert not np.array_equal(two, one)


@pytest.mark.parametrize("schedules", [{}, {"weight_decay": WarmUp(epochs=5)}], ids=["rate", "weight decay"])
def test_a_rise_as_long_as_a_members_training_is_refused_before_any_is_trained(configured, schedules):
    task = attrs.evolve(
        configured(max_epochs=5, batch_size=16, members_per_chunk=1),
        schedule=Constant() if schedules else WarmUp(steps=5),
        schedules=schedules,
        hooks=Hooks(fit_start=(lambda _: pytest.fail("trained"),)),
    )
    members = [Member(index=0, train=np.arange(64)), Member(index=1, train=np.arange(16))]
    with pytest.raises(ConfigError, match="a rise of 5 steps must be shorter than training, which has 5 steps, 1 an"):
        GradientDescent().train(task, members)
