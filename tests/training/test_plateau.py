"""A schedule that reacts to the loss: on the device, for each member, without a new program."""

import attrs
import numpy as np
import pytest

from gmcore.domain import CheckpointConfig, Hooks, Member
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.optimizers import SGD, AdamW
from gmcore.nn.schedules import Plateau
from gmcore.ports import Schedule
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing.fakes import TinyModel
from gmcore.training import GradientDescent

WORKFLOW = GradientDescent()
EVERY = CheckpointConfig(seconds=float("inf"), every_steps=3)
# Of 100 rows: 7 steps in an epoch.
MEMBER = Member(train=np.arange(100), stop=np.arange(100, 150))
STEPS = 7
# No loss falls to a hundredth in an epoch, so each epoch after the first is followed by a reduction.
IMPATIENT = {"patience": 0, "threshold": 0.99, "reduction": 0.5}


@attrs.frozen(kw_only=True)
class Planned(Schedule):
    """The rates of `IMPATIENT`, known in advance; one step is too long by a factor."""

    too_long: int = -1
    factor_of_it: float = 1.0

    def factor(self, step, total_steps, steps_per_epoch):
        return spoilt(self, step, total_steps) * 0.5 ** np.maximum(0.0, step // STEPS - 1)


@attrs.frozen(kw_only=True)
class Reacting(Plateau):
    """A plateau of which one step is too long by a factor."""

    too_long: int = -1
    factor_of_it: float = 1.0

    def factor(self, step, total_steps, steps_per_epoch):
        return spoilt(self, step, total_steps)


def spoilt(schedule, step, total_steps):
    return np.where((step == schedule.too_long) & (total_steps > 0), schedule.factor_of_it, 1.0)


def scales_of(plateau, losses):
    """Return the factors before the first epoch and after each, `(1 + epochs, members)`, from losses of that shape."""
    state = plateau.initial(losses.shape[1])
    scales = [state["scale"]]
    for loss in losses:
        state = plateau.after_epoch(state, loss, xp=NumPyNamespace())
        scales.append(state["scale"])
    return np.array(scales)


@pytest.fixture
def train(configured):
    """Return a call that trains members with a schedule, and returns the results and the ends of their epochs."""

    def with_schedule(schedule, members=(MEMBER,), **changes):
        ends = []
        task = attrs.evolve(configured(max_epochs=5, early_stopping=None), schedule=schedule, **changes)
        results = WORKFLOW.train(attrs.evolve(task, hooks=Hooks(epoch_end=(ends.append,))), members)
        return results, ends

    return with_schedule


@pytest.mark.parametrize("optimizer", [AdamW(learning_rate=0.03), SGD(learning_rate=0.1, momentum=0.9)], ids=repr)
def test_reduced_rates_give_the_bits_of_the_same_rates_planned(train, same_results, optimizer):
    found, ends = train(Plateau(**IMPATIENT), optimizer=optimizer)
    expected, planned = train(Planned(), optimizer=optimizer)
    same_results(found, expected)
    rates = optimizer.learning_rate * np.array([1, 1, 0.5, 0.25, 0.125])
    for ends_of_run in (ends, planned):
        np.testing.assert_allclose([end.learning_rate[0] for end in ends_of_run], rates, rtol=1e-15)


def test_each_member_reacts_to_its_own_stop_loss_or_else_to_its_training_loss(train):
    members = [
        MEMBER,
        Member(index=1, train=np.arange(60), settings={"learning_rate": 1e-6}),
        Member(index=2, train=np.arange(60), stop=np.arange(60, 90), settings={"learning_rate": 0.5}),
    ]
    plateau = Plateau(patience=0, threshold=0.01, reduction=0.25)
    results, ends = train(plateau, members)
    watched = np.array(
        [one.history["stop_loss" if len(m.stop) else "train_loss"] for one, m in zip(results, members, strict=True)]
    )
    scales = scales_of(plateau, watched.T)
    assert len({tuple(column) for column in scales.T}) > 1
    rates = np.array([0.03, 1e-6, 0.5]) * scales[:-1]
    np.testing.assert_allclose([end.learning_rate for end in ends], rates, rtol=1e-6)


def test_the_training_loss_is_a_mean_also_if_rows_of_any_weight_are_dropped(train, configured):
    """A step in an epoch, of 64 of 100 rows, whose summed weight is another each time."""
    config = configured(max_epochs=20, early_stopping=None, drop_last=True, batch_size=64).config
    rows = attrs.evolve(configured().rows, weights=np.where(np.arange(203) % 10, 0.1, 50.0))
    plateau = Plateau(patience=0, threshold=0.0, reduction=0.5)
    changes = {"rows": rows, "config": config, "optimizer": SGD(learning_rate=1e-3)}
    (result,), ends = train(plateau, [Member(train=np.arange(100))], **changes)
    expected = 1e-3 * scales_of(plateau, result.history["train_loss"][:, None])[:-1, 0]
    assert len(set(expected)) > 2
    np.testing.assert_allclose([end.learning_rate[0] for end in ends], expected, rtol=1e-6)


def test_a_reduction_compiles_nothing(train, backend):
    train(Plateau(**IMPATIENT))
    before = backend.compilations
    _, ends = train(Plateau(**IMPATIENT))
    assert ends[-1].learning_rate[0] < ends[0].learning_rate[0]
    assert backend.compilations == before


@attrs.frozen(kw_only=True)
class Steep(TinyModel):
    def loss(self, variables, outputs, targets, at):
        return 1e4 * super().loss(variables, outputs, targets, at)


@pytest.mark.parametrize("saved", [False, True], ids=["from the start", "from a checkpoint"])
def test_a_failed_member_is_diagnosed_with_its_reduced_rates(train, task, tmp_path, same_results, saved):
    """The step of index 23, in epoch 4, makes the weights infinite, so the member is trained once more up to it."""
    sound = Member(index=1, train=np.arange(40))
    options = {"model": Steep(schema=task.rows.schema), "optimizer": SGD(learning_rate=1e-6)}
    found = []
    for schedule in (Reacting(**IMPATIENT, too_long=23, factor_of_it=3e44), Planned(too_long=23, factor_of_it=3e44)):
        folder = tmp_path / type(schedule).__name__
        store = {"checkpoints": Checkpoints(folder=folder, config=EVERY)} if saved else {}
        results, _ = train(schedule, [MEMBER, sound], **options, **store)
        found.append(results[0])
    assert (found[0].failure.epoch, found[0].failure.step) == (4, 3)
    assert found[0].failure.learning_rate == 1e-6 * 3e44 * 0.25
    assert np.isfinite(found[0].failure.largest_weight)
    same_results(found[:1], found[1:])
