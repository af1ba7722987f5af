"""A metric is named by its options, accepts the targets it is defined for, and refuses others before training."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.builtins import metrics
from gmcore.domain import Feature, Schema, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.nn.metrics import RowMean, needs_classes
from gmcore.registry import Registry


def schema_of(kind, *names, classes=()):
    return Schema(features=(Feature(name="x"),), target=Target(names=names, kind=kind, classes=classes))


BINARY = schema_of(TargetKind.BINARY, "sick", classes=("malignant", "benign"))
MANY = schema_of(TargetKind.MULTICLASS, "kind", classes=("cat", "dog", "emu"))
LABELS = schema_of(TargetKind.MULTILABEL, "red", "green")
NUMBERS = schema_of(TargetKind.REGRESSION, "price", "size")
SCHEMAS = {"binary": BINARY, "multiclass": MANY, "multilabel": LABELS, "regression": NUMBERS}

REGISTERED = dict(gmcore.float64.metric_computers)
DETECTION = (metrics.F1, metrics.FBeta, metrics.NPV, metrics.Precision, metrics.Recall, metrics.Specificity)
SCORES = (*DETECTION, metrics.AveragePrecision, metrics.ROCAUC)
AVERAGES = ("macro", "weighted", "micro")
MULTILABEL = {"accuracy", "hamming_loss", "log_loss", *(make.kind for make in SCORES)}


def accepts(metric, schema):
    try:
        metric.bind(schema)
    except ConfigError:
        return False
    return True


FOR_CLASSES = [name for name, make in REGISTERED.items() if accepts(make(), MANY)]
FOR_NUMBERS = [name for name, make in REGISTERED.items() if accepts(make(), NUMBERS)]
OF_ONE_NUMBER = [name for name in REGISTERED if name != "confusion_matrix"]


def test_every_registered_metric_accepts_either_classes_or_numbers():
    assert sorted(FOR_CLASSES + FOR_NUMBERS) == sorted(REGISTERED)


def test_every_metric_of_many_classes_accepts_two_but_the_one_of_the_two_most_probable():
    assert set(FOR_CLASSES) - {name for name, make in REGISTERED.items() if accepts(make(), BINARY)} == {
        "top_k_accuracy"
    }


def test_the_metrics_that_scikit_learn_defines_for_labels_accept_them():
    assert {name for name, make in REGISTERED.items() if accepts(make(), LABELS)} == MULTILABEL


@pytest.mark.parametrize("name", OF_ONE_NUMBER)
def test_a_metric_with_default_options_is_named_as_its_entry_point(name):
    schema = MANY if name in FOR_CLASSES else NUMBERS
    predictions, targets = np.eye(3), (np.arange(3) if name in FOR_CLASSES else np.ones((3, 3)))
    metric = REGISTERED[name]().bind(schema)
    assert list(metric.compute(predictions, targets)) == [name]
    assert list(metric.higher_is_better) == [name]


@pytest.mark.parametrize("make", SCORES)
def test_scores_of_classes_are_named_by_their_average_or_class(make):
    variants = [
        make(),
        *(make(average=average) for average in AVERAGES),
        make(positive="dog"),
        make(average="per_class"),
    ]
    names = [name for metric in variants for name in metric.bind(MANY).compute(np.eye(3), np.arange(3))]
    kind = make.kind
    averages = [f"{kind}_{average}" for average in AVERAGES]
    assert names == [kind, *averages, f"{kind}[dog]", *(f"{kind}[{label}]" for label in ("cat", "dog", "emu"))]
    assert [name for metric in variants for name in metric.bind(MANY).higher_is_better] == names


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (metrics.FBeta(beta=0.5, average="macro"), "fbeta_0.5_macro"),
        (metrics.FBeta(beta=3, positive="dog"), "fbeta_3[dog]"),
        (metrics.ROCAUC(multiclass="ovo", average="weighted"), "roc_auc_ovo_weighted"),
        (metrics.TopKAccuracy(k=3), "top_k_accuracy_3"),
        (metrics.ECE(bins=10), "ece_10"),
        (metrics.CohensKappa(weights="quadratic"), "cohens_kappa_quadratic"),
        (metrics.QuantileLoss(quantile=0.123456789), "quantile_loss_0.123456789"),
    ],
)
def test_other_options_are_in_the_name_in_full(metric, name):
    assert metric.name == name


def test_the_cells_of_a_confusion_matrix_are_named_by_actual_and_predicted_class():
    metric = metrics.ConfusionMatrix(normalize="all").bind(BINARY)
    cells = metric.compute(np.eye(2)[[0, 1, 1, 1]], np.array([0, 0, 1, 1]))
    assert cells == {
        "confusion_matrix_all[malignant->malignant]": 0.25,
        "confusion_matrix_all[malignant->benign]": 0.25,
        "confusion_matrix_all[benign->malignant]": 0.0,
        "confusion_matrix_all[benign->benign]": 0.5,
    }
    assert list(metric.higher_is_better.values()) == [True, False, False, True]


def test_classes_whose_names_make_two_cells_the_same_are_refused():
    schema = schema_of(TargetKind.MULTICLASS, "kind", classes=("a", "a->b", "b->a", "b"))
    with pytest.raises(ConfigError, match="two cells have the same name: rename the classes whose names contain '->'"):
        metrics.ConfusionMatrix().bind(schema)


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


@pytest.mark.parametrize("name", sorted(set(FOR_CLASSES) - MULTILABEL))
def test_a_metric_of_classes_that_is_undefined_for_labels_refuses_them(name):
    with pytest.raises(
        ConfigError, match=f"metric '{name}' needs classes, and the targets 'red', 'green' hold several"
    ):
        REGISTERED[name]().bind(LABELS)


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


def test_the_default_metrics_that_fit_are_suggested_instead_of_one_that_does_not():
    registry = registry_of(metrics.MAE, metrics.MSE, metrics.R2, metrics.RMSE, metrics.F1)
    assert metrics.use_instead(metrics.F1(average="macro"), NUMBERS, registry) == ": use rmse, mae or r2"
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
    assert first.compute(predictions, targets) == {"recall[malignant]": 1.0}
    assert metrics.Recall().bind(BINARY).compute(predictions, targets) == {"recall": pytest.approx(1 / 3)}


def test_two_labels_are_averaged_for_neither_is_positive():
    predictions, targets = np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([[1.0, 1.0], [1.0, 0.0]])
    assert metrics.Recall().bind(LABELS).compute(predictions, targets) == {"recall": 0.5}
    assert metrics.Recall(positive="red").bind(LABELS).compute(predictions, targets) == {"recall[red]": 1.0}


def test_one_of_many_classes_can_be_named():
    metric = metrics.F1(positive="dog").bind(MANY)
    assert metric.compute(np.eye(3)[[0, 1, 1, 2]], np.array([0, 1, 0, 1])) == {"f1[dog]": 0.5}


@pytest.mark.parametrize("options", [{"positive": "dog"}, {"average": "per_class"}])
@pytest.mark.parametrize("make", [metrics.F1, metrics.ROCAUC])
def test_a_metric_of_single_classes_must_be_bound(make, options):
    with pytest.raises(
        ConfigError, match=f"{make.kind}: needs the classes of a schema: use the metric that bind returns"
    ):
        make(**options).compute(np.eye(3), np.arange(3))


def test_an_unknown_positive_class_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"recall\.positive: no class named 'malignat', did you mean 'malignant'\?"):
        metrics.Recall(positive="malignat").bind(BINARY)
    with pytest.raises(ConfigError, match=r"roc_auc\.positive: no class named 'rad', did you mean 'red'\?"):
        metrics.ROCAUC(positive="rad").bind(LABELS)


def test_a_positive_class_and_an_average_exclude_each_other():
    with pytest.raises(ValueError, match="'average' must be left out if 'positive' names one class, got 'macro'"):
        metrics.F1(positive="malignant", average="macro")


@pytest.mark.parametrize("options", [{"positive": "dog"}, {"average": "micro"}, {"average": "per_class"}])
def test_one_versus_one_is_a_mean_over_pairs_of_classes(options):
    with pytest.raises(
        ValueError, match="'ovo' is a mean over pairs of classes: set 'average' to 'macro' or 'weighted'"
    ):
        metrics.ROCAUC(multiclass="ovo", **options)


def test_one_versus_one_refuses_labels():
    with pytest.raises(
        ConfigError, match=r"roc_auc\.multiclass: 'ovo' needs classes, and the target holds several labels"
    ):
        metrics.ROCAUC(multiclass="ovo").bind(LABELS)


def test_as_many_classes_as_there_are_can_not_be_wrong():
    with pytest.raises(
        ConfigError, match="'top_k_accuracy_3' needs more than 3 classes, and the target has 3: lower 'k'"
    ):
        metrics.TopKAccuracy(k=3).bind(MANY)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (metrics.TopKAccuracy, {"k": 0}),
        (metrics.ECE, {"bins": 2.5}),
        (metrics.FBeta, {"beta": 0.0}),
        (metrics.FBeta, {"beta": float("inf")}),
        (metrics.QuantileLoss, {"quantile": 1.0}),
        (metrics.CohensKappa, {"weights": "cubic"}),
        (metrics.ConfusionMatrix, {"normalize": "rows"}),
        (metrics.F1, {"average": "samples"}),
        (metrics.ROCAUC, {"multiclass": "raise"}),
    ],
)
def test_an_option_out_of_its_range_is_refused(make, options):
    (option,) = options
    with pytest.raises(ValueError, match=option):
        make(**options)
