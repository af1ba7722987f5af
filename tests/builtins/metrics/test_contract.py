"""Metrics keep their contract, by being registered, for every kind of target that they accept."""

import numpy as np

import gmcore
from gmcore.builtins import metrics
from gmcore.domain import Feature, Schema, Target, TargetKind
from gmcore.errors import ConfigError
from gmcore.ports import SupportsDirection, SupportsSums
from gmcore.testing.metric_computer import MetricComputerContract

FEATURES = (Feature(name="x"),)


def schema_of(kind, *names, classes=()):
    return Schema(features=FEATURES, target=Target(names=names, kind=kind, classes=classes))


SCHEMAS = {
    "binary": schema_of(TargetKind.BINARY, "sick", classes=("malignant", "benign")),
    "multiclass": schema_of(TargetKind.MULTICLASS, "kind", classes=("cat", "dog", "emu")),
    "multilabel": schema_of(TargetKind.MULTILABEL, "red", "green", "blue"),
    "regression": schema_of(TargetKind.REGRESSION, "price", "size"),
}
REGISTERED = dict(gmcore.float64.metric_computers)
VARIANTS = {
    "f1_of_one_class": (lambda: metrics.F1(positive="dog"), "multiclass"),
    "macro_precision_of_two_classes": (lambda: metrics.Precision(average="macro"), "binary"),
    "weighted_recall": (lambda: metrics.Recall(average="weighted"), "multiclass"),
    "micro_specificity": (lambda: metrics.Specificity(average="micro"), "multiclass"),
    "micro_average_precision": (lambda: metrics.AveragePrecision(average="micro"), "multilabel"),
    "one_versus_one": (lambda: metrics.ROCAUC(multiclass="ovo"), "multiclass"),
    "quadratic_kappa": (lambda: metrics.CohensKappa(weights="quadratic"), "multiclass"),
}
# Their numbers are named after the classes.
OF_EACH_CLASS = {
    "confusion_matrix": (metrics.ConfusionMatrix, "binary"),
    "f1_per_class": (lambda: metrics.F1(average="per_class"), "multiclass"),
    "npv_per_label": (lambda: metrics.NPV(average="per_class"), "multilabel"),
    "roc_auc_per_class": (lambda: metrics.ROCAUC(average="per_class"), "multiclass"),
}


def accepts(metric, schema):
    try:
        metric.bind(schema)
    except ConfigError:
        return False
    return True


def contract_of(make, schema):
    class Contract(MetricComputerContract):
        abilities = (SupportsSums, SupportsDirection) if isinstance(make(), SupportsSums) else (SupportsDirection,)

        def metric(self):
            return make()

        def schema(self):
            return schema

        def case(self):
            predictions, targets, weights = super().case()
            if schema.target.kind is TargetKind.MULTILABEL:
                return 1 / (1 + np.exp(-predictions)), (targets > 0).astype(float), weights
            # The logarithm of values below -1 is undefined.
            return (
                (np.abs(predictions), np.abs(targets), weights) if isinstance(make(), metrics.MSLE) else super().case()
            )

    return Contract


def named_by_classes(make, schema):
    class Contract(contract_of(make, schema)):
        def test_a_direction_is_given_for_every_number(self):
            """Once the classes are known, after which the numbers are named."""
            bound = self.metric().bind(schema)
            assert list(bound.higher_is_better) == list(bound.compute(*self.case()))
            assert self.metric().higher_is_better == {}

    return Contract


# A formula of its own for two classes, or for labels; the others share theirs with one of these.
SPECIAL = {
    "binary": ("brier_score", "f1", "roc_auc"),
    "multilabel": ("accuracy", "f1", "hamming_loss", "log_loss", "roc_auc"),
}


def suites():
    for name, make in REGISTERED.items():
        for kind, schema in SCHEMAS.items():
            if make is not metrics.ConfusionMatrix and accepts(make(), schema) and name in SPECIAL.get(kind, [name]):
                yield f"Test_{name}_{kind}", contract_of(make, schema)
    yield from ((f"Test_{name}", contract_of(make, SCHEMAS[kind])) for name, (make, kind) in VARIANTS.items())
    yield from ((f"Test_{name}", named_by_classes(make, SCHEMAS[kind])) for name, (make, kind) in OF_EACH_CLASS.items())


globals().update(suites())
