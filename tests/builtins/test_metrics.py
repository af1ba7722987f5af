"""Metrics at their edges: odd rows, other classes, the wrong target."""

import numpy as np
import pytest

from gmcore.builtins import metrics
from gmcore.domain import Feature, Schema, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.testing.metric_computer import MetricComputerContract

FEATURES = (Feature(name="x"),)
BINARY = Schema(
    features=FEATURES, target=Target(names=("sick",), kind=TargetKind.BINARY, classes=("malignant", "benign"))
)
MANY = Schema(
    features=FEATURES, target=Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("cat", "dog", "emu"))
)
NUMBERS = Schema(features=FEATURES, target=Target(names=("price", "size"), kind=TargetKind.REGRESSION))

FOR_CLASSES = {
    "accuracy": metrics.Accuracy,
    "balanced_accuracy": metrics.BalancedAccuracy,
    "f1": metrics.F1,
    "log_loss": metrics.LogLoss,
    "precision": metrics.Precision,
    "recall": metrics.Recall,
    "roc_auc": metrics.ROCAUC,
}
FOR_NUMBERS = {"mae": metrics.MAE, "mse": metrics.MSE, "r2": metrics.R2, "rmse": metrics.RMSE}
ALL = FOR_CLASSES | FOR_NUMBERS

PREDICTIONS = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
TARGETS = np.array([0, 1, 1, 0], np.int32)


def contract_of(metric, over):
    return type("Test", (MetricComputerContract,), {"metric": lambda _: metric(), "schema": lambda _: over})


TestAccuracy = contract_of(metrics.Accuracy, MANY)
TestBalancedAccuracy = contract_of(metrics.BalancedAccuracy, MANY)
TestF1 = contract_of(metrics.F1, MANY)
TestLogLoss = contract_of(metrics.LogLoss, BINARY)
TestPrecision = contract_of(metrics.Precision, BINARY)
TestRecall = contract_of(metrics.Recall, BINARY)
TestROCAUC = contract_of(metrics.ROCAUC, MANY)
TestMAE = contract_of(metrics.MAE, NUMBERS)
TestMSE = contract_of(metrics.MSE, NUMBERS)
TestR2 = contract_of(metrics.R2, NUMBERS)
TestRMSE = contract_of(metrics.RMSE, NUMBERS)


@pytest.mark.parametrize("name", ALL)
def test_a_metric_is_named_as_its_entry_point(name):
    assert list(ALL[name]().compute(PREDICTIONS, TARGETS if name in FOR_CLASSES else PREDICTIONS)) == [name]


@pytest.mark.parametrize("name", FOR_CLASSES)
def test_a_metric_of_classes_refuses_numbers_and_lists_what_fits(name):
    with pytest.raises(ConfigError) as error:
        FOR_CLASSES[name]().check(NUMBERS)
    assert str(error.value) == (
        f"metric '{name}' needs classes, and the target 'price', 'size' holds numbers: mae, mse, r2, rmse fit"
    )


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_a_metric_of_numbers_refuses_classes_and_lists_what_fits(name):
    with pytest.raises(ConfigError, match=f"metric '{name}' needs numbers.* holds classes: accuracy, .*roc_auc fit"):
        FOR_NUMBERS[name]().check(MANY)


@pytest.mark.parametrize("schema", [BINARY, MANY, NUMBERS])
def test_the_default_metrics_exist_and_fit_the_target(schema):
    for name in metrics.default_metrics(schema):
        ALL[name]().check(schema)


def test_the_second_class_is_positive_unless_another_is_named():
    predictions = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.1, 0.9]])
    first = metrics.Recall(positive="malignant")
    first.check(BINARY)
    targets = np.array([0, 1, 1, 1])
    assert first.compute(predictions, targets) == {"recall": 1.0}
    assert metrics.Recall().compute(predictions, targets) == {"recall": pytest.approx(1 / 3)}


def test_one_of_many_classes_can_be_named():
    metric = metrics.F1(positive="dog")
    metric.check(MANY)
    predictions = np.eye(3)[[0, 1, 1, 2]]
    assert metric.compute(predictions, np.array([0, 1, 0, 1])) == {"f1": 0.5}


def test_an_unknown_positive_class_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"recall\.positive: no class 'malignat', did you mean 'malignant'\?"):
        metrics.Recall(positive="malignat").check(BINARY)


def test_a_positive_class_and_an_average_exclude_each_other():
    with pytest.raises(ValueError, match="'average' must be left out where 'positive' names one class, got 'macro'"):
        metrics.F1(positive="malignant", average="macro")


@pytest.mark.parametrize("name", FOR_CLASSES)
def test_a_fold_of_one_class_is_scored_without_a_crash(name):
    value = FOR_CLASSES[name]().compute(PREDICTIONS, np.ones(4, np.int32))[name]
    assert np.isnan(value) == (name == "roc_auc")


@pytest.mark.parametrize("name", ALL)
def test_no_rows_score_nan(name):
    targets = np.empty(0, np.int32) if name in FOR_CLASSES else np.empty((0, 2))
    assert np.isnan(ALL[name]().compute(np.empty((0, 2)), targets)[name])


def test_a_row_that_was_held_impossible_costs_a_finite_loss():
    loss = metrics.LogLoss().compute(np.array([[1.0, 0.0]]), np.array([1]))["log_loss"]
    assert loss == pytest.approx(-np.log(np.finfo(float).eps))


@pytest.mark.parametrize(("predicted", "expected"), [(0.1, 1.0), (0.2, 0.0)])
def test_a_constant_target_is_determined_only_exactly(predicted, expected):
    values = metrics.R2().compute(np.full((3, 1), predicted), np.full((3, 1), 0.1))
    assert values == {"r2": expected}


def test_one_row_has_no_coefficient_of_determination():
    assert np.isnan(metrics.R2().compute(np.ones((1, 1)), np.ones((1, 1)))["r2"])
