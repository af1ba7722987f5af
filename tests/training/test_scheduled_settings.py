"""Settings other than the learning rate that follow a schedule."""

import attrs
import numpy as np
import pytest

from gmcore.domain import Member
from gmcore.domain.tree import tree_flatten
from gmcore.errors import ConfigError, TrainingError
from gmcore.nn.layers import BatchNorm, Concatenate, Dense, Dropout, Sequential
from gmcore.nn.losses import CrossEntropy
from gmcore.nn.network import Network
from gmcore.nn.optimizers import SGD, AdamW
from gmcore.nn.schedules import Constant, Plateau
from gmcore.ports import Schedule
from gmcore.training import GradientDescent

WORKFLOW = GradientDescent()
MEMBERS = [Member(index=index, train=np.arange(60 + 20 * index), seed=index) for index in range(3)]


@attrs.frozen
class Factor(Schedule):
    """The same factor at every step, or after half of the steps."""

    value: float
    only_late: bool = False

    def factor(self, step, total_steps, steps_per_epoch=None):
        late = step >= total_steps / 2 if self.only_late else np.full(np.broadcast_shapes(step.shape), fill_value=True)
        return np.where(late, self.value, 1.0)


def network(schema, dropout, *, normalized=False):
    layers = [Dense(8), *([BatchNorm()] if normalized else []), Dropout(dropout), Dense(schema.target.width)]
    return Network(Sequential([Concatenate({"numeric": Sequential(layers)})]), CrossEntropy(), schema)


@pytest.fixture
def trained(configured, task):
    def train(schedules=None, *, dropout=None, members=MEMBERS, normalized=False, **changes):
        given = configured(**{"max_epochs": 4, "early_stopping": None, **changes.pop("config", {})})
        model = {"model": network(task.rows.schema, dropout, normalized=normalized)} if dropout is not None else {}
        return WORKFLOW.train(attrs.evolve(given, schedules=schedules or {}, **model, **changes), members)

    return train


def test_a_weight_decay_with_a_constant_factor_is_that_times_it(trained, weights):
    scaled = trained({"weight_decay": Factor(0.5)}, optimizer=AdamW(weight_decay=0.2, learning_rate=0.03))
    plain = trained(optimizer=AdamW(weight_decay=0.1, learning_rate=0.03))
    np.testing.assert_equal(weights(scaled), weights(plain))


def test_a_weight_decay_that_ends_in_the_middle_is_between_both(trained, weights):
    optimizer = SGD(weight_decay=0.3, learning_rate=0.1)
    late = trained({"weight_decay": Factor(0.0, only_late=True)}, optimizer=optimizer)
    always, never = trained(optimizer=optimizer), trained(optimizer=SGD(weight_decay=0.0, learning_rate=0.1))
    sizes = [[np.linalg.norm(one) for one in weights(results)] for results in (always, late, never)]
    assert all(small < middle < large for small, middle, large in zip(*sizes, strict=True))


def test_a_dropout_with_a_constant_factor_is_that_times_it(trained, weights):
    scaled, plain = trained({"dropout": Factor(0.5)}, dropout=0.5), trained(dropout=0.25)
    np.testing.assert_equal(weights(scaled), weights(plain))
    assert not np.array_equal(weights(scaled)[0], weights(trained(dropout=0.5))[0])


def test_the_saved_model_has_the_setting_itself(trained):
    (result, *_) = trained({"dropout": Factor(0.5)}, dropout=0.5, normalized=True)
    rates = [float(leaf) for name, leaf in leaves(result) if name.endswith("rate")]
    assert rates == [0.5]


def leaves(result):
    return tree_flatten(result.variables.buffers).items()


def test_a_member_is_the_same_alone_and_in_a_fleet(trained, same_results):
    options = {
        "schedules": {"dropout": Factor(0.5, only_late=True), "weight_decay": Factor(0.0, only_late=True)},
        "dropout": 0.5,
        "normalized": True,
    }
    same_results([trained(members=[member], **options)[0] for member in MEMBERS], trained(**options))


def test_a_schedule_compiles_nothing_anew(trained, backend):
    trained({"dropout": Factor(0.5), "weight_decay": Factor(0.5)}, dropout=0.5)
    before = backend.compilations
    trained({"dropout": Factor(0.25), "weight_decay": Factor(0.0, only_late=True)}, dropout=0.5)
    assert backend.compilations == before


@pytest.mark.parametrize(
    ("schedules", "message"),
    [
        ({"learning_rate": Constant()}, "the schedule of the learning rate is training.schedule"),
        ({"weigt_decay": Constant()}, "neither the optimizer nor the model has this setting, did you mean"),
        ({"momentum": Constant()}, "has this setting .available: dropout, weight_decay"),
        ({"weight_decay": Plateau()}, "Plateau reacts to the loss, which only training.schedule can do"),
    ],
    ids=["rate", "misspelt", "not there", "feedback"],
)
def test_a_schedule_of_nothing_is_refused(trained, schedules, message):
    with pytest.raises(ConfigError, match=message):
        trained(schedules)


def test_a_setting_of_the_model_is_multiplied_by_at_most_one(trained):
    with pytest.raises(TrainingError, match="the schedule of 'dropout' must return factors of at most 1, got 3"):
        trained({"dropout": Factor(3.0)}, dropout=0.4)
