"""Metrics agree with scikit-learn to 1e-12: float64 sums of at most 40 rows in another order differ less."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sk

import gmcore
from gmcore.builtins import metrics

CLOSE = {"rel": 1e-12, "abs": 1e-12, "nan_ok": True}


@st.composite
def classified(draw, most_classes=5):
    """Probabilities with many ties, classes of which some may be absent, and weights or None."""
    rows, classes = draw(st.integers(1, 40)), draw(st.integers(2, most_classes))
    parts = draw(arrays(np.float64, (rows, classes), elements=st.integers(0, 4)))
    parts[parts.sum(axis=1) == 0] = 1.0
    targets = draw(arrays(np.int32, rows, elements=st.integers(0, classes - 1)))
    return parts / parts.sum(axis=1, keepdims=True), targets, draw(weights_of(rows))


@st.composite
def measured(draw):
    """Predicted and true values of one to three targets, and weights or None."""
    shape = draw(st.integers(2, 40)), draw(st.integers(1, 3))
    numbers = st.floats(-1e3, 1e3).map(lambda number: round(number, 3))
    return (
        draw(arrays(np.float64, shape, elements=numbers)),
        draw(arrays(np.float64, shape, elements=numbers)),
        draw(weights_of(shape[0])),
    )


def above_minus_one(values):
    """Return values of which every one has a logarithm after 1 is added."""
    return np.abs(values) - 0.5


def weights_of(rows):
    weights = arrays(np.float64, rows, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]))
    return st.none() | weights.filter(np.any)


def counted(case):
    """Return the rows that count: one of weight 0 is as if it were absent."""
    predictions, targets, weights = case
    kept = slice(None) if weights is None else weights > 0
    return predictions[kept], targets[kept], weights if weights is None else weights[kept]


def quiet(function, *arguments, **options):
    """Return scikit-learn's number without its warnings about odd rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


@given(classified())
def test_accuracy(case):
    predictions, targets, weights = counted(case)
    expected = sk.accuracy_score(targets, predictions.argmax(1), sample_weight=weights)
    assert metrics.Accuracy().compute(*case) == {"accuracy": pytest.approx(expected, **CLOSE)}


@given(classified())
def test_balanced_accuracy(case):
    predictions, targets, weights = counted(case)
    expected = quiet(sk.balanced_accuracy_score, targets, predictions.argmax(1), sample_weight=weights)
    assert metrics.BalancedAccuracy().compute(*case) == {"balanced_accuracy": pytest.approx(expected, **CLOSE)}


@given(classified())
def test_log_loss(case):
    predictions, targets, weights = counted(case)
    labels = np.arange(predictions.shape[1])
    expected = sk.log_loss(targets, predictions, labels=labels, sample_weight=weights)
    assert metrics.LogLoss().compute(*case) == {"log_loss": pytest.approx(expected, **CLOSE)}


@given(classified(most_classes=2))
def test_area_under_the_curve_of_two_classes(case):
    predictions, targets, weights = counted(case)
    expected = quiet(sk.roc_auc_score, targets, predictions[:, 1], sample_weight=weights)
    assert metrics.ROCAUC().compute(*case) == {"roc_auc": pytest.approx(expected, **CLOSE)}


@given(classified())
def test_area_under_the_curve_is_the_mean_over_the_classes_that_are_present(case):
    predictions, targets, weights = counted(case)
    one_versus_rest = [
        quiet(sk.roc_auc_score, targets == index, predictions[:, index], sample_weight=weights)
        for index in np.unique(targets)
    ]
    expected = np.mean(one_versus_rest) if len(one_versus_rest) > 1 else np.nan
    if predictions.shape[1] > 2:
        assert metrics.ROCAUC().compute(*case) == {"roc_auc": pytest.approx(expected, **CLOSE)}


@given(st.integers(0, 1000))
def test_area_under_the_curve_of_many_classes_is_one_versus_rest_macro(seed):
    rng = np.random.default_rng(seed)
    predictions, targets = rng.dirichlet(np.ones(4), 30), rng.permutation(np.arange(30) % 4)
    expected = sk.roc_auc_score(targets, predictions, multi_class="ovr", average="macro")
    assert metrics.ROCAUC().compute(predictions, targets) == {"roc_auc": pytest.approx(expected, **CLOSE)}


DETECTION = [
    (metrics.Precision, sk.precision_score),
    (metrics.Recall, sk.recall_score),
    (metrics.F1, sk.f1_score),
]


@pytest.mark.parametrize(("metric", "theirs"), DETECTION)
@given(case=classified(most_classes=2))
def test_detection_of_the_second_of_two_classes(metric, theirs, case):
    predictions, targets, weights = counted(case)
    expected = theirs(
        targets, predictions.argmax(1), labels=[1], average="macro", sample_weight=weights, zero_division=0
    )
    assert metric().compute(*case) == {metric.kind: pytest.approx(expected, **CLOSE)}


@pytest.mark.parametrize(("metric", "theirs"), DETECTION)
@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
@given(case=classified())
def test_detection_averaged_over_classes(metric, theirs, average, case):
    predictions, targets, weights = counted(case)
    expected = theirs(targets, predictions.argmax(1), average=average, sample_weight=weights, zero_division=0)
    assert metric(average=average).compute(*case) == {f"{metric.kind}_{average}": pytest.approx(expected, **CLOSE)}


@pytest.mark.parametrize(
    ("metric", "name", "theirs"),
    [
        (metrics.MSE(), "mse", sk.mean_squared_error),
        (metrics.RMSE(), "rmse", sk.root_mean_squared_error),
        (metrics.MAE(), "mae", sk.mean_absolute_error),
    ],
)
@given(case=measured())
def test_errors_of_values(metric, name, theirs, case):
    predictions, targets, weights = counted(case)
    expected = theirs(targets, predictions, sample_weight=weights)
    assert metric.compute(*case) == {name: pytest.approx(expected, **CLOSE)}


@given(measured())
def test_squared_logarithmic_error(case):
    case = above_minus_one(case[0]), above_minus_one(case[1]), case[2]
    predictions, targets, weights = counted(case)
    expected = sk.mean_squared_log_error(targets, predictions, sample_weight=weights)
    assert metrics.MSLE().compute(*case) == {"msle": pytest.approx(expected, **CLOSE)}


@given(measured())
def test_coefficient_of_determination(case):
    varied = np.ptp(counted(case)[1], axis=0) > 0
    case = case[0][:, varied], case[1][:, varied], case[2]
    predictions, targets, weights = counted(case)
    if varied.any():
        expected = sk.r2_score(targets, predictions, sample_weight=weights)
        # The spread of nearly constant targets is a difference of large numbers.
        tolerance = CLOSE | {"rel": 1e-9} if np.ptp(targets, axis=0).min() < 1 else CLOSE
        assert metrics.R2().compute(*case) == {"r2": pytest.approx(expected, **tolerance)}


def of_classes(function, **options):
    """Return a function of targets and predictions that scores the most probable classes, the second of two."""

    def score(targets, predictions):
        labels = [1] if predictions.shape[1] == 2 else None
        return function(targets, predictions.argmax(1), labels=labels, average="macro", **options)

    return score


def area(targets, predictions):
    scores = predictions[:, 1] if predictions.shape[1] == 2 else predictions
    return sk.roc_auc_score(targets, scores, multi_class="ovr")


# scikit-learn's number of each registered metric, from targets and predictions without weights.
THEIRS = {
    "accuracy": lambda targets, predictions: sk.accuracy_score(targets, predictions.argmax(1)),
    "balanced_accuracy": lambda targets, predictions: sk.balanced_accuracy_score(targets, predictions.argmax(1)),
    "f1": of_classes(sk.f1_score),
    "log_loss": lambda targets, predictions: sk.log_loss(targets, predictions, labels=range(predictions.shape[1])),
    "mae": sk.mean_absolute_error,
    "mse": sk.mean_squared_error,
    "msle": sk.mean_squared_log_error,
    "precision": of_classes(sk.precision_score),
    "r2": sk.r2_score,
    "recall": of_classes(sk.recall_score),
    "rmse": sk.root_mean_squared_error,
    "roc_auc": area,
}
OF_VALUES = {"mae", "mse", "msle", "r2", "rmse"}


def test_every_registered_metric_is_compared():
    missing = sorted(set(gmcore.float64.metric_computers) - set(THEIRS))
    assert not missing, f"nothing compares the metric {', '.join(missing)} with scikit-learn: add it to THEIRS"


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("name", THEIRS)
def test_weights_count_rows_as_if_they_were_repeated_or_left_out(name, width):
    rng = np.random.default_rng(width)
    targets, predictions = rng.permutation(np.arange(60) % width), rng.dirichlet(np.ones(width), 60)
    if name in OF_VALUES:
        targets, predictions = rng.uniform(-0.9, 9.0, (2, 60, width))
    weights = rng.integers(0, 4, 60)
    expected = THEIRS[name](np.repeat(targets, weights, axis=0), np.repeat(predictions, weights, axis=0))
    predictions[weights == 0] = np.nan  # as of a row that only pads a batch
    found = gmcore.float64.metric_computers.create(name).compute(predictions, targets, weights.astype(float))
    assert found == {name: pytest.approx(expected, rel=1e-12)}
