"""The losses of `find_rate` are those of trainings at each learning rate, and the suggestion follows from them."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Cancellation, SplitConfig
from gmcore.errors import Cancelled, ConfigError, TrainingError
from gmcore.nn.optimizers import SGD

BACKEND = {"use": "metal", "device": "cpu"}
RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(100, 2))
HIT = POINTS[:, 0] > 0
TRAINING = {"batch_size": 16, "optimizer": {"use": "adamw", "weight_decay": 0.1}}


def found(X=POINTS, y=HIT, **more):
    given = {"training": TRAINING, "backend": BACKEND, "model": {"use": "mlp", "hidden": [4]}}
    return gmcore.find_rate(X, y, **{**given, "low": 1e-3, "high": 1e-1, "count": 3, "steps": 12, **more})


@pytest.fixture(scope="module")
def usual():
    return found()


def test_each_loss_is_that_of_a_model_trained_alone_at_the_rate(usual):
    np.testing.assert_allclose(usual.rates, [1e-3, 1e-2, 1e-1])
    for rate, loss in zip(usual.rates, usual.losses, strict=True):
        optimizer = TRAINING["optimizer"] | {"learning_rate": rate}
        training = TRAINING | {"max_epochs": usual.epochs, "optimizer": optimizer}
        done = gmcore.train(POINTS, HIT, training=training, backend=BACKEND, model={"use": "mlp", "hidden": [4]})
        assert done.result.history["stop_loss"][-1] == loss


def test_few_rows_are_passed_through_in_whole_epochs(usual):
    assert (usual.rows, usual.epochs, usual.steps) == (80, 3, 15)
    assert usual.compared == "validation"


def test_of_many_rows_some_are_trained_on_for_exactly_the_steps():
    short = found(steps=3)
    assert (short.rows, short.epochs, short.steps) == (48, 1, 3)


def test_without_held_out_rows_the_training_loss_is_compared():
    data = ArrayData(POINTS, HIT, validation=None)
    ours = found(data, None)
    assert (ours.compared, ours.rows) == ("training", 100)
    optimizer = TRAINING["optimizer"] | {"learning_rate": ours.rates[1]}
    training = TRAINING | {"max_epochs": ours.epochs, "optimizer": optimizer}
    done = gmcore.train(
        ArrayData(POINTS, HIT, validation=None),
        training=training,
        backend=BACKEND,
        model={"use": "mlp", "hidden": [4]},
    )
    assert done.result.history["train_loss"][-1] == ours.losses[1]


@pytest.mark.parametrize(
    "more",
    [
        {"optimizer": TRAINING["optimizer"] | {"learning_rate": 0.5}},
        {"schedule": "cosine"},
        {"schedule": "plateau"},
        {"schedules": {"weight_decay": "cosine"}},
        {"average": {"kind": "ema"}},
        {"average": {"kind": "swa", "start_epoch": 20}},
        {"early_stopping": {"patience": 1, "metric": "accuracy"}},
    ],
    ids=["rate", "cosine", "plateau", "schedules", "ema", "swa", "early stopping"],
)
def test_what_changes_during_a_training_is_left_out(more, usual):
    np.testing.assert_array_equal(found(training=TRAINING | more).losses, usual.losses)


def test_the_other_settings_are_the_runs(usual):
    other = found(training=TRAINING | {"optimizer": {"use": "adamw", "weight_decay": 10.0}})
    assert (other.losses != usual.losses).all()


def test_rows_of_weight_0_do_not_count():
    weights = np.where(np.arange(100) < 40, 1.0, 0.0)
    some = found(weights=weights, steps=1)
    assert some.rows == 16
    assert np.isfinite(some.losses).all()


SGD_ALONE = {"batch_size": 16, "optimizer": "sgd"}


def test_a_training_that_fails_is_a_finding():
    far = found(training=SGD_ALONE, low=1e-2, high=1e38, count=5)
    assert np.isinf(far.losses).tolist() == [False, True, True, True, True]
    assert far.suggestion == 0.005
    assert far.report["losses"] == [far.losses[0], None, None, None, None]


def test_if_all_trainings_fail_the_error_says_what_to_do():
    with pytest.raises(TrainingError, match=r"at every learning rate from 1e\+25 to 1e\+30: try a smaller 'low'"):
        found(training=SGD_ALONE, low=1e25, high=1e30)


BAD = [
    ({"low": 0.1, "high": 0.1}, "low: must be less than high, got 0.1 and 0.1"),
    ({"low": 0.0}, "low: must be a positive number, got 0.0"),
    ({"high": float("nan")}, "high: must be a positive number, got nan"),
    ({"high": "1"}, "high: must be a positive number, got '1'"),
    ({"count": 2}, "count: must be a whole number from 3 to 1,000, got 2"),
    ({"count": 10**9}, "count: must be a whole number from 3 to 1,000, got 1000000000"),
    ({"steps": 0}, "steps: must be a whole number, at least 1, got 0"),
    ({"steps": 1.5}, "steps: must be a whole number, at least 1, got 1.5"),
    ({"folds": 3}, "folds: gmcore.find_rate does not use it"),
    ({"bckend": "jax"}, "bckend: unknown argument, did you mean 'backend'?"),
    ({"training": {"batch_sze": 3}}, "training.batch_sze: unknown key, did you mean 'batch_size'?"),
]


@pytest.mark.parametrize(("more", "message"), BAD, ids=[message.partition(",")[0] for _, message in BAD])
def test_a_bad_argument_is_an_error_before_training(more, message):
    heard = []

    def run_start(context):
        heard.append(context)

    with pytest.raises(ConfigError) as caught:
        found(hooks=[run_start], **more)
    assert message in str(caught.value)
    assert heard == []


def test_all_problems_are_listed_at_once():
    with pytest.raises(ConfigError) as caught:
        found(low=-1, count=1, steps=0)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["low", "count", "steps"]


@attrs.frozen(kw_only=True)
class Unrated(SGD):
    """An optimizer that breaks its port."""

    @property
    def settings(self):
        return {"momentum": 0.9}


def test_an_optimizer_without_a_learning_rate_is_refused():
    with pytest.raises(ConfigError, match="optimizer: Unrated has no setting 'learning_rate'"):
        found(training={"optimizer": Unrated()})


def test_listeners_hear_of_each_model_and_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    heard = {}

    def run_start(context):
        heard["start"] = context

    def fit_start(context):
        heard["fit"] = context

    def run_end(context):
        heard["end"] = context

    ours = found(hooks=[run_start, fit_start, run_end])
    assert (heard["start"].command, heard["start"].folder) == ("find_rate", None)
    assert heard["fit"].members == (0, 1, 2)
    assert heard["end"].result.history["stop_loss"][-1] == ours.losses[ours.lowest]
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_stopped():
    cancellation = Cancellation()

    def fit_start(context):
        cancellation.cancel()

    with pytest.raises(Cancelled):
        found(cancellation=cancellation, hooks=[fit_start])


def test_held_out_rows_are_bounded_too():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(6000, 1))
    heard = []

    def fit_start(context):
        heard.append(context)

    data = ArrayData(X, X[:, 0] > 0, validation=SplitConfig(fraction=0.5))
    small = found(data, None, steps=1, hooks=[fit_start])
    assert (small.rows, small.steps) == (16, 1)
    assert heard[0].steps_per_epoch == 1
