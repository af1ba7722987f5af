"""Metrics are defined for unusual rows, or NaN, without a warning; rows that do not fit are refused."""

import numpy as np
import pytest

import gmcore
from gmcore.builtins import metrics
from gmcore.domain import Feature, Schema, Target, TargetKind
from gmcore.errors import ConfigError, DataError
from gmcore.nn.numpy_namespace import NumPyNamespace


def schema_of(kind, *names, classes=()):
    return Schema(features=(Feature(name="x"),), target=Target(names=names, kind=kind, classes=classes))


BINARY = schema_of(TargetKind.BINARY, "sick", classes=("malignant", "benign"))
MANY = schema_of(TargetKind.MULTICLASS, "kind", classes=("cat", "dog", "emu"))
LABELS = schema_of(TargetKind.MULTILABEL, "red", "green", "blue")
NUMBERS = schema_of(TargetKind.REGRESSION, "price")


def bound(schema):
    """Return the registered metrics that accept a target, with default options."""
    return metrics.fitting_metrics(schema, gmcore.float64.metric_computers)


OF_CLASSES, OF_LABELS, OF_NUMBERS = bound(MANY), bound(LABELS), bound(NUMBERS)
UNDEFINED_FOR_ONE_CLASS = {"roc_auc", "cohens_kappa"}
UNDEFINED_FOR_EQUAL_TARGETS = {"nmae", "pearson", "spearman"}

PREDICTIONS = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
TARGETS = np.array([0, 1, 1, 2], np.int32)


def number(metric, *rows):
    """Return the mean of a metric's numbers, of which most metrics have one."""
    return np.mean(list(metric.compute(*rows).values()))


@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_fold_of_one_class_that_is_predicted_gives_a_number_unless_it_is_a_comparison_of_classes(name):
    metric = OF_CLASSES[name] if name != "confusion_matrix" else metrics.ConfusionMatrix(normalize="all").bind(MANY)
    value = number(metric, np.tile([0.1, 0.8, 0.1], (4, 1)), np.ones(4, np.int32))
    assert np.isnan(value) == (name in UNDEFINED_FOR_ONE_CLASS)


@pytest.mark.parametrize("schema", [BINARY, MANY, LABELS])
def test_no_rows_of_classes_or_labels_give_nan(schema):
    predictions = np.empty((0, schema.target.width))
    targets = predictions if schema is LABELS else np.empty(0, np.int32)
    for name, metric in bound(schema).items():
        assert np.isnan(number(metric, predictions, targets)), name


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_no_rows_of_numbers_give_nan(name):
    assert np.isnan(number(OF_NUMBERS[name], np.empty((0, 2)), np.empty((0, 2))))


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_equal_targets_give_a_number_unless_the_metric_is_relative_to_their_spread(name):
    value = number(OF_NUMBERS[name], np.array([[0.3], [0.1], [0.2]]), np.full((3, 1), 0.1))
    assert np.isnan(value) == (name in UNDEFINED_FOR_EQUAL_TARGETS)


@pytest.mark.parametrize("name", ["pearson", "spearman"])
@pytest.mark.parametrize("level", [0.1, 1e6 / 3])
def test_equal_predictions_correlate_with_nothing(name, level):
    assert np.isnan(number(OF_NUMBERS[name], np.full((7, 1), level), np.arange(7.0)[:, None]))


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_infinite_or_undefined_predictions_give_no_finite_number_and_no_warning(name):
    targets = np.arange(3.0)[:, None]
    assert np.isnan(number(OF_NUMBERS[name], np.full((3, 1), np.nan), targets))
    if name != "spearman":  # to which only the order matters
        assert not np.isfinite(number(OF_NUMBERS[name], np.array([[np.inf], [1.0], [np.inf]]), targets))


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_one_undefined_prediction_makes_the_number_undefined(name):
    predictions = np.array([[0.0], [np.nan], [1.0], [2.0], [3.0]])
    assert np.isnan(number(OF_NUMBERS[name], predictions, np.arange(5.0)[:, None]))


def test_equal_predictions_on_a_device_correlate_with_nothing_although_float32_rounds_their_sums():
    xp, rng = NumPyNamespace("float32"), np.random.default_rng(0)
    targets, weights = rng.normal(size=(500, 1)).astype(np.float32), rng.uniform(0.1, 1, 500).astype(np.float32)
    predictions = np.full((500, 1), 1 / 3, np.float32)
    sums = metrics.Pearson().sums(predictions, targets, weights, center=0.0, xp=xp)
    numbers = metrics.Pearson().of_sums({name: np.asarray(values, np.float64) for name, values in sums.items()})
    assert np.isnan(numbers["pearson"])


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "log_loss", "brier_score", "ece"])
def test_undefined_probabilities_give_nan_and_no_warning(name):
    assert np.isnan(number(OF_CLASSES[name], np.full((4, 3), np.nan), TARGETS))


@pytest.mark.parametrize("name", [*OF_CLASSES, *OF_NUMBERS])
def test_many_rows_give_the_number_of_few_that_are_repeated(name):
    metric, targets = (OF_CLASSES | OF_NUMBERS)[name], TARGETS if name in OF_CLASSES else PREDICTIONS[::-1]
    many = np.tile(np.arange(4), 2500)
    # 10,000 rows are summed in three batches.
    expected = metric.compute(PREDICTIONS, targets)
    assert metric.compute(PREDICTIONS[many], targets[many]) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("make", [metrics.Specificity, metrics.NPV])
def test_a_class_that_all_rows_are_of_leaves_exactly_no_others(make):
    # Sums of these weights in two orders differ by rounding, which must not be taken for rows.
    weights = np.random.default_rng(0).uniform(0.1, 1.0, 10000)
    predictions, targets = np.tile([0.1, 0.8, 0.1], (10000, 1)), np.ones(10000, np.int32)
    scores = make(average="per_class").bind(MANY).compute(predictions, targets, weights)
    assert list(scores.values()) == [1.0, 0.0, 1.0]


def test_a_class_without_rows_is_left_out_of_a_mean():
    predictions, targets = PREDICTIONS[:3], TARGETS[:3]
    areas = metrics.ROCAUC(average="per_class").bind(MANY).compute(predictions, targets)
    assert np.isnan(areas["roc_auc[emu]"])
    assert OF_CLASSES["roc_auc"].compute(predictions, targets) == {
        "roc_auc": (areas["roc_auc[cat]"] + areas["roc_auc[dog]"]) / 2
    }


@pytest.mark.parametrize("name", OF_LABELS)
def test_a_label_that_no_row_has_or_is_predicted_to_have_is_left_out_of_a_mean(name):
    predictions, targets = PREDICTIONS[:, :2], (PREDICTIONS[::-1, :2] > 0.25).astype(float)
    with_absent = np.column_stack([predictions, np.zeros(4)]), np.column_stack([targets, np.zeros(4)])
    if name not in {"accuracy", "hamming_loss", "log_loss"}:  # which are means over rows
        assert OF_LABELS[name].compute(*with_absent) == OF_LABELS[name].compute(predictions, targets)


def test_cells_of_absent_classes_are_undefined():
    cells = metrics.ConfusionMatrix().bind(BINARY).compute(np.array([[0.2, 0.8]]), np.array([1]))
    assert np.isnan(list(cells.values())[:2]).all()
    assert list(cells.values())[2:] == [0.0, 1.0]


def test_a_row_that_was_thought_impossible_costs_a_finite_loss():
    loss = metrics.LogLoss().compute(np.array([[1.0, 0.0]]), np.array([1]))["log_loss"]
    assert loss == pytest.approx(-np.log(np.finfo(float).eps))


@pytest.mark.parametrize(("predicted", "expected"), [(0.1, 1.0), (0.2, 0.0)])
def test_a_constant_target_is_determined_only_by_exact_predictions(predicted, expected):
    values = metrics.R2().compute(np.full((3, 1), predicted), np.full((3, 1), 0.1))
    assert values == {"r2": expected}


@pytest.mark.parametrize(("last", "expected"), [(0.2, 1.0), (0.3, 0.0)])
def test_the_variance_of_a_constant_target_is_explained_up_to_a_constant_error(last, expected):
    values = metrics.ExplainedVariance().compute(np.array([[0.2], [0.2], [last]]), np.full((3, 1), 0.1))
    assert values == {"explained_variance": expected}


def test_numbers_far_from_zero_keep_their_digits():
    rng = np.random.default_rng(0)
    near = rng.normal(size=(2, 50, 1))
    for metric in (metrics.ExplainedVariance(), metrics.Pearson()):
        expected = number(metric, *near)
        # A number near 1e7 is rounded by 1e-9.
        assert number(metric, near[0] + 1e7, near[1]) == pytest.approx(expected, rel=1e-7)
        assert number(metric, near[0], near[1] - 1e7) == pytest.approx(expected, rel=1e-7)


def test_one_row_has_no_coefficient_of_determination():
    assert np.isnan(metrics.R2().compute(np.ones((1, 1)), np.ones((1, 1)))["r2"])


def test_r2_of_one_row_among_padding_rows_is_undefined():
    weights, xp = np.array([2.0, 0.0, 0.0]), NumPyNamespace("float64")
    sums = metrics.R2().sums(np.zeros((3, 1)), np.arange(3.0)[:, None], weights, center=0.0, xp=xp)
    assert np.isnan(metrics.R2().of_sums({name: np.asarray(values) for name, values in sums.items()})["r2"])


@pytest.mark.parametrize(("predicted", "target"), [(-1.0, 1.0), (1.0, -1.0), (-2.0, 1.0), (-1.0, -1.0)])
def test_values_without_a_logarithm_give_nan_unless_their_weight_is_zero(predicted, target):
    case = np.array([[predicted], [0.0]]), np.array([[target], [np.e - 1]])
    assert np.isnan(metrics.MSLE().compute(*case)["msle"])
    assert metrics.MSLE().compute(*case, np.array([0.0, 2.0])) == {"msle": pytest.approx(1.0)}


def test_a_target_of_zero_makes_a_relative_error_huge_and_finite():
    assert metrics.MAPE().compute(np.ones((1, 1)), np.zeros((1, 1)))["mape"] == pytest.approx(1 / np.finfo(float).eps)


def test_a_confidence_on_an_edge_is_in_the_bin_below():
    # 0.7 * 10 is rounded above 7.
    predictions = np.array([[0.7, 0.3], [0.65, 0.35]])
    error = metrics.ECE(bins=10).compute(predictions, np.array([0, 1]))
    assert error == {"ece_10": pytest.approx(abs(0.3 - 0.65) / 2)}


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        (np.ones((3, 2)), np.zeros(4, int), r"got \(3, 2\) and \(4,\)"),
        (np.ones(3), np.zeros(3, int), r"got \(3,\) and \(3,\)"),
        (np.ones((3, 2)), np.ones((3, 1)), r"that of the targets, got \(3, 2\) and \(3, 1\)"),
        (np.ones((3, 2)), np.array([0, 1, 2]), "targets must be class indices from 0 to 1, got 2"),
        (np.ones((3, 2)), np.array([0, -1, 1]), "targets must be class indices from 0 to 1, got -1"),
        (np.array([[0.5, 1.5]]), np.array([1]), r"must be probabilities from 0 to 1, got 1\.5"),
        (np.array([[-2.0, np.nan]]), np.array([1]), "must be probabilities from 0 to 1, got -2"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_all_metrics_in_the_same_words(predictions, targets, message):
    for metric in (metrics.Accuracy(), metrics.ROCAUC(), metrics.F1()):
        with pytest.raises(DataError, match=message):
            metric.compute(predictions, targets)


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"weights must have the shape \(3,\), one for each row, got \(2,\)"):
        metrics.MaxError().compute(np.ones((3, 1)), np.ones((3, 1)), np.ones(2))


def test_rows_of_weight_zero_are_not_checked():
    rows = np.array([[0.2, 0.8], [7.0, np.nan]]), np.array([1, 9])
    assert metrics.Accuracy().compute(*rows, np.array([1.0, 0.0])) == {"accuracy": 1.0}


def test_the_macro_f1_is_the_mean_of_the_classes_and_not_of_macro_precision_and_recall():
    rows = np.eye(3)[[0, 0, 0, 1, 2]], np.array([0, 0, 1, 1, 2])
    found = number(metrics.F1(average="macro"), *rows)
    assert found == pytest.approx((4 / 5 + 2 / 3 + 1) / 3)
    precision, recall = (number(make(average="macro"), *rows) for make in (metrics.Precision, metrics.Recall))
    assert found != pytest.approx(2 * precision * recall / (precision + recall))


def test_a_class_that_is_predicted_but_absent_counts_in_the_macro_f1():
    assert number(metrics.F1(average="macro"), np.eye(3)[[0, 0, 2]], np.array([0, 0, 0])) == pytest.approx(4 / 5 / 2)


def test_the_area_is_that_of_all_rows_and_not_of_the_last_ones():
    predictions = np.linspace(0, 1, 10000)
    targets = (np.arange(10000) % 2).astype(np.int32)
    targets[-4096:] = predictions[-4096:] > 0.9
    rows = np.column_stack([1 - predictions, predictions]), targets
    assert number(metrics.ROCAUC(), rows[0][-4096:], rows[1][-4096:]) == 1.0
    assert number(metrics.ROCAUC(), *rows) < 0.9


def test_tied_probabilities_count_half_in_whatever_order_their_rows_are():
    tied, targets = np.full((4, 2), 0.5), np.array([1, 1, 0, 0])
    assert number(metrics.ROCAUC(), tied, targets) == number(metrics.ROCAUC(), tied, targets[::-1]) == 0.5
    assert number(metrics.AveragePrecision(), tied, targets) == 0.5


def test_nmae_is_relative_to_the_range_of_all_targets():
    predictions, targets = np.full((4, 1), 6.0), np.array([[5.0], [6.0], [14.0], [15.0]])
    assert number(metrics.NMAE(), predictions, targets) == pytest.approx((1 + 0 + 8 + 9) / 4 / 10)
    # The mean of two batches would be ((1 + 0) / 2 / 1 + (8 + 9) / 2 / 1) / 2.
    assert number(metrics.NMAE(), predictions, targets, np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.5)


def test_a_metric_of_one_class_is_not_computed_without_its_schema():
    with pytest.raises(ConfigError, match="confusion_matrix: needs the classes of a schema"):
        metrics.ConfusionMatrix().compute(PREDICTIONS, TARGETS)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1", "matthews", "cohens_kappa", "hamming_loss"])
def test_a_prediction_that_is_no_number_makes_a_score_of_classes_nan(name):
    metric = gmcore.float64.metric_computers.create(name)
    predictions, targets = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 0])
    (score,) = metric.compute(predictions, targets).values()
    assert np.isfinite(score)
    predictions[2] = np.nan
    assert np.isnan(list(metric.compute(predictions, targets).values())).all()
