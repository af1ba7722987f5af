"""Early stopping: the epochs that a few lines of Python pick from the history of stop losses."""

import attrs
import numpy as np
import pytest

from gmcore.app.composing.metrics import FunctionMetric
from gmcore.builtins.metrics import Accuracy
from gmcore.domain import EarlyStoppingConfig, Member
from gmcore.errors import ConfigError
from gmcore.nn.metrics import HigherIsBetter
from gmcore.ports import MetricComputer, Schedule
from gmcore.training import GradientDescent
from gmcore.training.fleet.stopping.watched_metric import WatchedMetric

WORKFLOW = GradientDescent()
EPOCHS = 14
RULES = [(1, 0.0), (3, 0.0), (3, 0.004), (2, 10.0)]
MEMBERS = [
    Member(index=index, train=np.arange(40 + 20 * index), stop=np.arange(110, 203), seed=index) for index in range(3)
]


@attrs.frozen(kw_only=True)
class Swinging(Schedule):
    """A learning rate that is low for three epochs, then high for two, so that stop losses fall and rise."""

    def factor(self, step, total_steps, steps_per_epoch):
        return np.where((step * EPOCHS // total_steps) % 5 < 3, 0.2, 12.0)


def expected(losses, patience, min_delta):
    """Return the best epoch, the number of epochs, and the best loss."""
    best, best_epoch, stale = np.inf, 0, 0
    for epoch, loss in enumerate(losses, 1):
        if loss < best - min_delta:
            best, best_epoch, stale = loss, epoch, 0
        else:
            stale += 1
        if stale == patience:
            return best_epoch, epoch, best
    return best_epoch, len(losses), best


@pytest.fixture
def trained(configured):
    def train(members=MEMBERS, **stopping):
        config = EarlyStoppingConfig(**stopping)
        task = configured(max_epochs=EPOCHS, early_stopping=config)
        return WORKFLOW.train(attrs.evolve(task, schedule=Swinging()), members)

    return train


@pytest.fixture
def losses(trained):
    """Return each member's stop losses of all epochs."""
    return [one.history["stop_loss"] for one in trained(patience=EPOCHS)]


@pytest.mark.parametrize(("patience", "min_delta"), RULES)
def test_a_member_stops_as_the_rule_says(trained, losses, patience, min_delta):
    for one, series in zip(trained(patience=patience, min_delta=min_delta), losses, strict=True):
        best_epoch, epochs, best = expected(series, patience, min_delta)
        assert (one.best_epoch, one.epochs, one.best_loss) == (best_epoch, epochs, best)
        np.testing.assert_array_equal(one.history["stop_loss"], series[:epochs])


def test_each_rule_stops_elsewhere(losses):
    """So that the test above sees whether an option is ignored."""
    stops = {str([expected(series, *rule)[:2] for series in losses]) for rule in RULES}
    assert len(stops) == len(RULES)


def test_without_stop_rows_a_member_trains_all_epochs_and_keeps_the_last(trained):
    (alone,) = trained([attrs.evolve(MEMBERS[0], stop=np.arange(0))], patience=1)
    assert (alone.epochs, alone.best_epoch, alone.best_loss) == (EPOCHS, EPOCHS, alone.final_loss)
    assert np.isnan(alone.history["stop_loss"]).all()


def test_stop_rows_without_early_stopping_end_nothing(configured):
    task = configured(max_epochs=EPOCHS, early_stopping=None)
    (result,) = WORKFLOW.train(attrs.evolve(task, schedule=Swinging()), MEMBERS[:1])
    assert (result.epochs, result.best_epoch) == (EPOCHS, EPOCHS)
    assert result.best_loss == result.history["stop_loss"].min()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("changes", [{}, {"row_memory": 100}])
def test_a_row_that_is_only_padding_or_weighs_nothing_does_not_matter_even_if_its_loss_is_infinite(
    configured, same_results, changes, weighted
):
    """Row 0 pads the batches of stop rows; row 110 is one of them."""
    task = configured(**changes)
    weights = np.ones(203)
    weights[110] = 0.0
    sane = attrs.evolve(task.rows, weights=weights if weighted else None)
    numbers = sane.inputs["numeric"].copy()
    numbers[[0, 110] if weighted else [0]] = np.inf
    members = [Member(train=np.arange(1, 90), stop=np.arange(110, 203))]
    spoilt = attrs.evolve(task, rows=attrs.evolve(sane, inputs={"numeric": numbers}))
    honest = WORKFLOW.train(attrs.evolve(task, rows=sane), members)
    same_results(WORKFLOW.train(spoilt, members), honest)
    assert np.isfinite(honest[0].best_loss)
    rows = [np.arange(111, 203)]
    found, wanted = (
        WORKFLOW.validate(attrs.evolve(task, rows=one), [honest[0].variables], rows)[0] for one in (spoilt.rows, sane)
    )
    assert found.loss == wanted.loss


def smoothed(values, alpha):
    """Return the moving average as the formula of `EarlyStoppingConfig` says."""
    found = [values[0]]
    for value in values[1:]:
        found.append(alpha * value + (1 - alpha) * found[-1])
    return np.array(found)


@pytest.mark.parametrize("alpha", [0.5, 0.1])
def test_a_moving_average_is_compared(trained, losses, alpha):
    found = trained(patience=3, alpha=alpha)
    for one, series in zip(found, losses, strict=True):
        best_epoch, epochs, _ = expected(smoothed(series, alpha), 3, 0.0)
        assert (one.best_epoch, one.epochs) == (best_epoch, epochs)
        assert one.best_loss == series[best_epoch - 1]


def test_a_moving_average_stops_elsewhere_than_the_values(trained):
    stops = {alpha: [(one.best_epoch, one.epochs) for one in trained(patience=3, alpha=alpha)] for alpha in (1.0, 0.1)}
    assert stops[1.0] != stops[0.1]


@attrs.frozen
class Ranking(MetricComputer, HigherIsBetter):
    """A metric of all rows at once, which no sums give: the share of pairs of classes that are ranked rightly."""

    name = "ranking"

    def bind(self, schema):
        return self

    def compute(self, predictions, targets, weights=None):
        above, below = predictions[targets == 1, 1], predictions[targets == 0, 1]
        return {self.name: float((above[:, None] > below).mean())}


def mean_score(predictions, targets):
    """Return a number that does not say which values are better."""
    return float(predictions[targets == 1, 1].mean())


@pytest.fixture
def watching(configured):
    def train(metrics, members=MEMBERS, **stopping):
        config = EarlyStoppingConfig(**stopping)
        task = configured(max_epochs=EPOCHS, early_stopping=config)
        return WORKFLOW.train(attrs.evolve(task, schedule=Swinging(), metrics=metrics), members)

    return train


@pytest.mark.parametrize(
    ("metric", "name", "mode", "sign"),
    [
        (Ranking(), "ranking", "auto", -1),
        (Accuracy(), "accuracy", "auto", -1),
        (FunctionMetric(function=mean_score), "mean_score", "max", -1),
        (FunctionMetric(function=mean_score), "mean_score", "min", 1),
    ],
    ids=["of all rows", "of sums", "function, max", "function, min"],
)
def test_a_metric_is_compared(watching, metric, name, mode, sign):
    all_epochs = watching((metric,), patience=EPOCHS, metric=name, mode=mode)
    found = watching((metric,), patience=2, metric=name, mode=mode)
    for one, whole in zip(found, all_epochs, strict=True):
        series = whole.history[f"stop_{name}"]
        best_epoch, epochs, _ = expected(sign * series, 2, 0.0)
        assert (one.best_epoch, one.epochs) == (best_epoch, epochs)
        np.testing.assert_array_equal(one.history[f"stop_{name}"], series[:epochs])
        assert one.best_loss == one.history["stop_loss"][best_epoch - 1]


def test_the_weights_of_the_best_epoch_by_a_metric_are_kept(watching, task):
    metrics = (Ranking(),)
    found = watching(metrics, patience=3, metric="ranking", alpha=1.0)
    stop_rows = [member.stop for member in MEMBERS]
    scores = WORKFLOW.validate(attrs.evolve(task, metrics=metrics), [one.variables for one in found], stop_rows)
    for one, score in zip(found, scores, strict=True):
        assert score.metrics["ranking"] == one.history["stop_ranking"][one.best_epoch - 1]


def test_with_a_metric_a_member_is_the_same_alone_and_in_a_fleet(watching, same_results):
    options = {"patience": 2, "metric": "ranking"}
    together = watching((Ranking(),), **options)
    same_results([watching((Ranking(),), [member], **options)[0] for member in MEMBERS], together)


def test_with_a_metric_rows_that_stay_on_the_host_give_the_same(configured, same_results):
    config = EarlyStoppingConfig(patience=2, metric="ranking")
    task = attrs.evolve(configured(max_epochs=6, early_stopping=config), metrics=(Ranking(),))
    on_host = attrs.evolve(task, config=attrs.evolve(task.config, row_memory=1))
    same_results(WORKFLOW.train(on_host, MEMBERS), WORKFLOW.train(task, MEMBERS))


def test_a_metric_of_a_member_without_stop_rows_is_nan_and_it_trains_on(watching):
    without = attrs.evolve(MEMBERS[0], stop=np.arange(0))
    alone, _ = watching((Ranking(),), [without, MEMBERS[1]], patience=1, metric="ranking")
    assert alone.epochs == EPOCHS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "rankin"}, "do not compute 'rankin', did you mean 'ranking'"),
        ({"metric": "ranking", "mode": "min"}, "higher values of 'ranking' are better: leave mode out"),
    ],
)
def test_a_metric_that_is_not_there_or_the_wrong_mode_is_refused(watching, options, message):
    with pytest.raises(ConfigError, match=message):
        watching((Ranking(), Accuracy()), patience=1, **options)


def test_a_metric_without_a_direction_needs_a_mode(watching):
    with pytest.raises(ConfigError, match="'mean_score' does not say which values are better: set mode"):
        watching((FunctionMetric(function=mean_score),), patience=1, metric="mean_score")


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 1.5}, {"mode": "max"}, {"patience": 0}])
def test_a_rule_that_makes_no_sense_is_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        EarlyStoppingConfig(**options)


def test_a_metric_that_can_not_be_computed_yet_stops_nothing_and_the_last_weights_are_kept(watching):
    """NaN for the first epochs is no lack of improvement; with NaN only, the last weights are the result."""
    values = iter([np.nan] * 4 + [0.5] * 20)
    late = FunctionMetric(function=lambda predictions, targets: {"late": float(next(values))})
    (result,) = watching((late,), MEMBERS[:1], patience=2, metric="late", mode="max")
    assert (result.epochs, result.best_epoch) == (7, 5)
    never = FunctionMetric(function=lambda predictions, targets: {"never": np.nan})
    (result,) = watching((never,), MEMBERS[:1], patience=2, metric="never", mode="max")
    assert (result.epochs, result.best_epoch) == (EPOCHS, EPOCHS)


def test_a_metric_is_not_computed_for_predictions_that_are_not_finite(task):
    def careful(predictions, targets):
        assert np.isfinite(predictions).all()
        return float(predictions[targets == 1, 1].mean())

    metric = WatchedMetric(name="careful", higher_is_better=True, metrics=(FunctionMetric(function=careful),))
    predictions = np.full((2, len(MEMBERS[0].stop), 2), 0.5)
    predictions[1, 3] = np.nan
    values = metric.values(predictions, task.rows, MEMBERS[:2])
    assert values[0] == 0.5
    assert np.isnan(values[1])
