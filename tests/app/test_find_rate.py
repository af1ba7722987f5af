"""The losses of `find_rate` are those of trainings at each learning rate, and the suggestion follows from them."""

import tomllib

import attrs
import numpy as np
import pytest
from matplotlib.figure import Figure

import gmcore
from gmcore.app import RateFinding
from gmcore.app.records.rate_finding import rate_text
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


def finding(*losses, low=1e-4, decades=1.0):
    rates = low * 10.0 ** (decades * np.arange(len(losses)))
    return RateFinding(
        rates=rates, losses=np.array(losses, float), compared="validation", epochs=1, steps=9, rows=9, seconds=1.0
    )


INF = float("inf")


@pytest.mark.parametrize(
    ("losses", "lowest"),
    [
        ((9, 5, 3, 5, 9), 2),
        ((9, 5, 4, 5, 9, 1, 9), 2),
        ((9, 5, 4, 3, 2, 1, INF, INF), 3),
        ((3, INF, INF), 0),
        ((INF, 3, INF), 1),
        ((5, 4, 3), 2),
    ],
    ids=["a valley", "a lucky dip", "before failures", "one left", "between failures", "at the end"],
)
def test_the_lowest_loss_is_one_among_low_losses(losses, lowest):
    assert finding(*losses, decades=0.2).lowest == lowest


def test_losses_farther_apart_than_half_a_decade_are_not_smoothed():
    np.testing.assert_array_equal(finding(9, INF, 3, 5, decades=0.51).smoothed, [9, INF, 3, 5])
    np.testing.assert_allclose(finding(9, 4, 9, 9, decades=0.25).smoothed, [22 / 3, 6.5, 7.75, 9])


def test_the_suggestion_is_half_the_rate_of_the_lowest_loss():
    assert finding(3, 1, 2).suggestion == 5e-4


def test_a_lowest_loss_at_an_end_comes_with_advice():
    assert finding(3, 2, 1).advice == "the loss is lowest at the highest learning rate, 1e-2: try a larger 'high'"
    assert finding(1, 2, 3).advice == "the loss is lowest at the lowest learning rate, 1e-4: try a smaller 'low'"
    assert finding(2, 1, 2).advice == ""


@pytest.mark.parametrize(
    ("losses", "within", "outside"),
    [
        ((0.7, 0.6, 0.1, 0.3, 1e9, INF), (0.7, 0.6, 0.1, 0.3), (1e9,)),
        ((0.1, 0.2, 0.3, 1e9), (0.1, 0.2), (1e9,)),
        ((0.5, 0.5, 0.5), (0.5,), ()),
        ((INF, 3.0, INF), (3.0,), ()),
        ((-3.0, -4.0, -2.0, 7e9), (-3.0, -4.0), (7e9,)),
    ],
    ids=["explosion", "no decrease", "flat", "one", "negative"],
)
def test_losses_that_explode_are_not_in_the_range_to_show(losses, within, outside):
    bottom, top = finding(*losses).shown
    assert bottom < top
    assert all(bottom < loss < top for loss in within)
    assert all(loss > top for loss in outside)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.003, "3e-3"),
        (0.00314, "3.1e-3"),
        (1e-6, "1e-6"),
        (0.0999, "0.1"),
        (0.099, "9.9e-2"),
        (0.25, "0.25"),
        (1.0, "1.0"),
        (27.3, "27.0"),
    ],
)
def test_a_rate_is_written_as_a_number_of_a_run_file(rate, text):
    assert rate_text(rate) == text
    value = tomllib.loads(f"learning_rate = {text}")["learning_rate"]
    assert isinstance(value, float)
    assert value == pytest.approx(rate, rel=0.05)


@pytest.mark.parametrize(("suffix", "begin"), [("png", b"\x89PNG"), ("SVG", b"<?xml")])
def test_a_plot_is_an_image_of_the_kind_of_its_name(suffix, begin, tmp_path):
    path = tmp_path / f"rate.{suffix}"
    finding(0.7, 0.3, 0.4, 50.0, INF).plot(str(path))
    assert path.read_bytes().startswith(begin)
    assert list(tmp_path.iterdir()) == [path]


def test_a_plot_can_be_drawn_on_axes():
    axes = Figure().add_subplot()
    one = finding(0.7, 0.3, 0.4, 50.0, INF)
    assert one.plot(axes) is axes
    assert axes.get_ylim() == one.shown
    assert axes.get_ylabel() == "validation loss after 9 steps"
    marked = {line.get_label(): line.get_xdata() for line in axes.get_lines()}
    np.testing.assert_allclose(marked["higher than shown"], [1e-1])
    np.testing.assert_allclose(marked["training failed"], [1.0])
    assert f"learning_rate = {rate_text(one.suggestion)}" in marked
    assert one.plot().figure is not axes.figure


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rate.xyz", "must end in one of .jpg, .pdf, .png, .svg, .webp, got 'rate.xyz'"),
        ("rate", "got 'rate'"),
        ("absent/rate.png", "absent' does not exist: create it first"),
        ("folder.png", "folder.png' is a folder"),
    ],
)
def test_a_path_that_can_not_be_a_plot_is_refused(name, message, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ConfigError) as caught:
        finding(2, 1, 2).plot(tmp_path / name)
    assert message in str(caught.value)


def test_what_is_neither_a_path_nor_axes_is_refused():
    with pytest.raises(TypeError, match="must be a path or the axes of a matplotlib figure, got 3"):
        finding(2, 1, 2).plot(3)


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
