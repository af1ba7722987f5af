"""Metrics keep their contract, by being registered, and are defined for unusual rows, classes and targets."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.builtins import metrics
from gmcore.domain import Feature, Schema, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.metrics import RowMean, needs_classes
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.ports import SupportsDirection
from gmcore.registry import Registry
from gmcore.testing.metric_computer import MetricComputerContract

FEATURES = (Feature(name="x"),)
BINARY = Schema(
    features=FEATURES, target=Target(names=("sick",), kind=TargetKind.BINARY, classes=("malignant", "benign"))
)
MANY = Schema(
    features=FEATURES, target=Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("cat", "dog", "emu"))
)
NUMBERS = Schema(features=FEATURES, target=Target(names=("price", "size"), kind=TargetKind.REGRESSION))
SCHEMAS = {"binary": BINARY, "multiclass": MANY, "regression": NUMBERS}

REGISTERED = {"msle": metrics.MSLE, **gmcore.float64.metric_computers}
AVERAGES = ("macro", "weighted", "micro")

PREDICTIONS = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
TARGETS = np.array([0, 1, 1, 0], np.int32)


def accepts(metric, schema):
    try:
        metric.bind(schema)
    except ConfigError:
        return False
    return True


def contract_of(make, schema):
    class Contract(MetricComputerContract):
        # The area under the curve is a metric of ranks, which has no sums.
        abilities = (SupportsDirection,) if make is metrics.ROCAUC else MetricComputerContract.optional

        def metric(self):
            return make()

        def schema(self):
            return schema

        def case(self):
            predictions, targets, weights = super().case()
            # The logarithm of values below -1 is undefined.
            return (np.abs(predictions), np.abs(targets), weights) if make is metrics.MSLE else super().case()

    return Contract


for name, make in REGISTERED.items():
    for kind, schema in SCHEMAS.items():
        if accepts(make(), schema):
            globals()[f"Test_{name}_{kind}"] = contract_of(make, schema)

TestF1OfOneClass = contract_of(lambda: metrics.F1(positive="dog"), MANY)
TestMacroPrecision = contract_of(lambda: metrics.Precision(average="macro"), BINARY)
TestWeightedRecall = contract_of(lambda: metrics.Recall(average="weighted"), MANY)
TestMicroF1 = contract_of(lambda: metrics.F1(average="micro"), MANY)

FOR_CLASSES = [name for name, make in REGISTERED.items() if accepts(make(), MANY)]
FOR_NUMBERS = [name for name, make in REGISTERED.items() if accepts(make(), NUMBERS)]


def test_every_registered_metric_accepts_either_classes_or_numbers():
    assert sorted(FOR_CLASSES + FOR_NUMBERS) == sorted(REGISTERED)
    assert [name for name, make in REGISTERED.items() if accepts(make(), BINARY)] == FOR_CLASSES


@pytest.mark.parametrize("name", REGISTERED)
def test_a_metric_with_default_options_is_named_as_its_entry_point(name):
    metric = REGISTERED[name]()
    assert list(metric.compute(PREDICTIONS, TARGETS if name in FOR_CLASSES else PREDICTIONS)) == [name]
    assert list(metric.higher_is_better) == [name]


@pytest.mark.parametrize("make", [metrics.Precision, metrics.Recall, metrics.F1])
def test_numbers_are_named_by_their_options(make):
    variants = [make(), *(make(average=average) for average in AVERAGES), make(positive="dog"), make(positive="emu")]
    names = [name for metric in variants for name in metric.bind(MANY).compute(np.eye(3), np.arange(3))]
    assert names == [make.kind, *(f"{make.kind}_{option}" for option in (*AVERAGES, "dog", "emu"))]
    assert [name for metric in variants for name in metric.higher_is_better] == names


@pytest.mark.parametrize("name", FOR_CLASSES)
def test_a_metric_of_classes_refuses_numbers(name):
    with pytest.raises(ConfigError) as error:
        REGISTERED[name]().bind(NUMBERS)
    assert str(error.value) == f"metric '{name}' needs classes, and the targets 'price', 'size' hold numbers"


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_a_metric_of_numbers_refuses_classes(name):
    with pytest.raises(ConfigError) as error:
        REGISTERED[name]().bind(MANY)
    assert str(error.value) == f"metric '{name}' needs numbers, and the target 'kind' holds classes"


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_the_default_metrics_are_registered_and_accept_the_target(schema):
    for name in metrics.default_metrics(schema):
        gmcore.float64.metric_computers.create(name).bind(schema)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_fitting_metrics_are_the_registered_ones_that_accept_the_target(schema):
    registry = gmcore.float64.metric_computers
    expected = [name for name in sorted(registry) if accepts(registry[name](), schema)]
    assert list(metrics.fitting_metrics(schema, registry)) == expected


def registry_of(*classes):
    registry = Registry("metric computer")
    for cls in classes:
        registry.register(cls.__name__.lower(), cls)
    return registry


def test_the_metrics_that_fit_are_suggested_instead_of_one_that_does_not():
    registry = registry_of(metrics.MAE, metrics.R2, metrics.RMSE, metrics.F1)
    assert metrics.use_instead(metrics.F1(average="macro"), NUMBERS, registry) == ": use mae, r2 or rmse"
    assert metrics.use_instead(metrics.MAE(), MANY, registry) == ": use f1"


def test_nothing_is_suggested_if_only_an_option_is_wrong_or_no_metric_fits():
    assert not metrics.use_instead(metrics.F1(positive="dg"), MANY, registry_of(metrics.F1, metrics.Accuracy))
    assert not metrics.use_instead(metrics.MAE(), MANY, registry_of(metrics.MAE))


@attrs.frozen(kw_only=True)
class NeedsAnOption(RowMean):
    name = "needs_an_option"
    bind = needs_classes
    option: int

    def of_row(self, predictions, targets, xp):
        return predictions[:, self.option]


def test_metrics_that_need_options_are_not_suggested():
    assert list(metrics.fitting_metrics(MANY, registry_of(NeedsAnOption, metrics.Accuracy))) == ["accuracy"]


def test_the_second_class_is_positive_unless_another_is_named():
    predictions = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.1, 0.9]])
    targets = np.array([0, 1, 1, 1])
    first = metrics.Recall(positive="malignant").bind(BINARY)
    assert first.compute(predictions, targets) == {"recall_malignant": 1.0}
    assert metrics.Recall().compute(predictions, targets) == {"recall": pytest.approx(1 / 3)}


def test_one_of_many_classes_can_be_named():
    metric = metrics.F1(positive="dog").bind(MANY)
    assert metric.compute(np.eye(3)[[0, 1, 1, 2]], np.array([0, 1, 0, 1])) == {"f1_dog": 0.5}


def test_a_metric_of_one_class_must_be_bound():
    with pytest.raises(ConfigError, match=r"f1\.positive: needs a schema: use the metric that bind returns"):
        metrics.F1(positive="dog").compute(np.eye(3), np.arange(3))


def test_an_unknown_positive_class_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"recall\.positive: no class named 'malignat', did you mean 'malignant'\?"):
        metrics.Recall(positive="malignat").bind(BINARY)


def test_a_positive_class_and_an_average_exclude_each_other():
    with pytest.raises(ValueError, match="'average' must be left out if 'positive' names one class, got 'macro'"):
        metrics.F1(positive="malignant", average="macro")


@pytest.mark.parametrize("name", FOR_CLASSES)
def test_a_fold_of_one_class_gives_a_number_except_for_the_area_under_the_curve(name):
    value = REGISTERED[name]().compute(PREDICTIONS, np.ones(4, np.int32))[name]
    assert np.isnan(value) == (name == "roc_auc")


@pytest.mark.parametrize("name", REGISTERED)
def test_no_rows_give_nan(name):
    targets = np.empty(0, np.int32) if name in FOR_CLASSES else np.empty((0, 2))
    assert np.isnan(REGISTERED[name]().compute(np.empty((0, 2)), targets)[name])


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_infinite_predictions_give_no_finite_number_and_no_warning(name):
    value = REGISTERED[name]().compute(np.full((3, 1), np.inf), np.arange(3.0)[:, None])[name]
    assert not np.isfinite(value)


@pytest.mark.parametrize("name", [name for name in REGISTERED if name != "roc_auc"])
def test_many_rows_give_the_number_of_few_that_are_repeated(name):
    targets = TARGETS if name in FOR_CLASSES else PREDICTIONS[::-1]
    many = np.tile(np.arange(4), 2500)
    metric = REGISTERED[name]()
    # 10,000 rows are summed in three batches.
    assert metric.compute(PREDICTIONS[many], targets[many]) == pytest.approx(metric.compute(PREDICTIONS, targets))


def test_a_row_that_was_thought_impossible_costs_a_finite_loss():
    loss = metrics.LogLoss().compute(np.array([[1.0, 0.0]]), np.array([1]))["log_loss"]
    assert loss == pytest.approx(-np.log(np.finfo(float).eps))


@pytest.mark.parametrize(("predicted", "expected"), [(0.1, 1.0), (0.2, 0.0)])
def test_a_constant_target_is_determined_only_by_exact_predictions(predicted, expected):
    values = metrics.R2().compute(np.full((3, 1), predicted), np.full((3, 1), 0.1))
    assert values == {"r2": expected}


def test_one_row_has_no_coefficient_of_determination():
    assert np.isnan(metrics.R2().compute(np.ones((1, 1)), np.ones((1, 1)))["r2"])


@pytest.mark.parametrize(("predicted", "target"), [(-1.0, 1.0), (1.0, -1.0), (-2.0, 1.0), (-1.0, -1.0)])
def test_values_without_a_logarithm_give_nan_unless_their_weight_is_zero(predicted, target):
    case = np.array([[predicted], [0.0]]), np.array([[target], [np.e - 1]])
    assert np.isnan(metrics.MSLE().compute(*case)["msle"])
    assert metrics.MSLE().compute(*case, np.array([0.0, 2.0])) == {"msle": pytest.approx(1.0)}


def test_r2_of_one_row_among_padding_rows_is_undefined():
    weights, xp = np.array([2.0, 0.0, 0.0]), NumPyNamespace("float64")
    sums = metrics.R2().sums(np.zeros((3, 1)), np.arange(3.0)[:, None], weights, center=0.0, xp=xp)
    assert np.isnan(metrics.R2().of_sums({name: np.asarray(values) for name, values in sums.items()})["r2"])
