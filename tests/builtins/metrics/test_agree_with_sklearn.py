"""Metrics of classes and labels agree with scikit-learn to 1e-12: float64 sums in another order differ less."""

import warnings

import attrs
import numpy as np
import pytest
from sklearn import metrics as sk

import gmcore
from gmcore.builtins import metrics
from gmcore.domain import Feature, Schema, Target, TargetKind

CLOSE = {"rel": 1e-12, "abs": 1e-12, "nan_ok": True}
LETTERS = tuple("abcde")


def schema_of(kind, width):
    names, classes = (("target",), LETTERS[:width]) if kind != "multilabel" else (LETTERS[:width], ())
    return Schema(features=(Feature(name="x"),), target=Target(names=names, kind=TargetKind(kind), classes=classes))


def rows_of(kind, seed):
    """Return probabilities with many ties, targets, and weights in quarters, of which some are 0.

    All classes have rows in every second case, in others some may be absent.
    """
    rng = np.random.default_rng(seed)
    width = 2 if kind == "binary" else int(rng.integers(3, 6))
    count = int(rng.integers(4, 40)) * width
    # Fourths, of which many are equal.
    parts = rng.integers(0, 4, (count, width)) + 0.25
    weights = rng.integers(0, 8, count) / 4
    if kind == "multilabel":
        targets = rng.integers(0, 2, (count, width)).astype(float)
        targets[:2], weights[:2] = [[0.0], [1.0]], 1.0
        return parts / 4, targets, weights
    targets = rng.integers(0, width if seed % 2 else width - 1, count).astype(np.int32)
    if seed % 2 or kind == "binary":
        targets[:width], weights[:width] = np.arange(width), 1.0
    return parts / parts.sum(axis=1, keepdims=True), targets, weights


def repeated(function):
    """Return scikit-learn's function, which takes no weights, of rows that are repeated as often as they weigh."""
    return lambda y, p, w: function(*(np.repeat(array, (4 * w).astype(int), axis=0) for array in (y, p)))


def score(function, **options):
    """Return a function of the predicted classes or labels; scikit-learn's average for one class is that class."""

    def of(y, p, w):
        labels = (
            {"labels": [1]} if "labels" not in options and options["average"] == "macro" and p.shape[1] == 2 else {}
        )
        return function(y, predicted(p, y), sample_weight=w, zero_division=0, **labels, **options)

    return of


def predicted(p, y):
    return (p >= 0.5).astype(float) if y.ndim > 1 else p.argmax(axis=1)


def of_tables(formula, average):
    """Return a function of the two-by-two tables of each class: `[[TN, FP], [FN, TP]]`."""

    def of(y, p, w):
        tables = sk.multilabel_confusion_matrix(y, predicted(p, y), sample_weight=w, labels=range(p.shape[1]))
        if average == "micro":
            return formula(tables.sum(axis=0)[None])[0]
        scores = formula(tables)
        actual, found = tables[:, 1].sum(axis=1), tables[:, :, 1].sum(axis=1)
        shares = {"macro": (actual + found) > 0, "weighted": actual}.get(average)
        return scores if shares is None else np.average(scores, weights=shares)

    return of


def specificity(tables):
    return tables[:, 0, 0] / np.maximum(tables[:, 0].sum(axis=1), 1e-300)


def npv(tables):
    return tables[:, 0, 0] / np.maximum(tables[:, :, 0].sum(axis=1), 1e-300)


def confusion(normalize):
    return lambda y, p, w: sk.confusion_matrix(
        y, p.argmax(1), labels=range(p.shape[1]), sample_weight=w, normalize=normalize
    ).ravel()


def kappa(weights):
    return lambda y, p, w: sk.cohen_kappa_score(
        y, p.argmax(1), labels=range(p.shape[1]), weights=weights, sample_weight=w
    )


def top_k(k):
    # Of equal probabilities, scikit-learn takes the last class, and we the first.
    return lambda y, p, w: sk.top_k_accuracy_score(
        p.shape[1] - 1 - y, p[:, ::-1], k=k, labels=range(p.shape[1]), sample_weight=w
    )


def area(function, **options):
    """Return a function of the second class's probabilities, or of all classes that have rows, or of all labels."""

    def of(y, p, w):
        scores = p[:, 1] if p.shape[1] == 2 else p
        return function(y, scores, sample_weight=w, **options)

    return of


def ovo(average):
    return repeated(lambda y, p: sk.roc_auc_score(y, p, multi_class="ovo", average=average))


def log_loss(y, p, w):
    if y.ndim > 1:
        return np.mean([log_loss(*label, w) for label in zip(y.T, p.T[:, :, None], strict=True)])
    p = np.hstack([1 - p, p]) if p.shape[1] == 1 else p
    return sk.log_loss(y, p, labels=range(p.shape[1]), sample_weight=w)


def ece(bins):
    """Return the formula of Guo et al., bin by bin; scikit-learn has none."""

    def of(y, p, w):
        confidence, right = p.max(axis=1), p.argmax(axis=1) == y
        error = 0.0
        for low, high in zip(np.arange(bins) / bins, np.arange(1, bins + 1) / bins, strict=True):
            rows = (confidence > low) & (confidence <= high)
            if w[rows].sum():
                gap = np.average(right[rows], weights=w[rows]) - np.average(confidence[rows], weights=w[rows])
                error += abs(gap) * w[rows].sum() / w.sum()
        return error

    return of


def second(function):
    return lambda y, p, w: function(y, p, w)[1]


def each(function):
    """Return the numbers of single classes: the average of one class is that class."""
    return lambda y, p, w: [function(y == label, p[:, label], sample_weight=w) for label in range(p.shape[1])]


PRESENT = "multiclass, all present"  # areas of absent classes are undefined in scikit-learn
ALL = ("binary", "multiclass", "multilabel")
CLASSES = ("binary", "multiclass")
DETECTION = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}

# The metric, its options, scikit-learn's number and the kinds of target.
CASES = [
    ("accuracy", {}, lambda y, p, w: sk.accuracy_score(y, predicted(p, y), sample_weight=w), ALL),
    ("hamming_loss", {}, lambda y, p, w: sk.hamming_loss(y, predicted(p, y), sample_weight=w), ALL),
    ("log_loss", {}, log_loss, ALL),
    (
        "balanced_accuracy",
        {},
        lambda y, p, w: sk.balanced_accuracy_score(y, p.argmax(1), sample_weight=w),
        CLASSES,
    ),
    (
        "brier_score",
        {},
        lambda y, p, w: sk.brier_score_loss(y, p, labels=range(p.shape[1]), sample_weight=w),
        CLASSES,
    ),
    ("top_k_accuracy", {}, top_k(2), ("multiclass",)),
    ("top_k_accuracy", {"k": 1}, top_k(1), ("multiclass",)),
    ("matthews", {}, lambda y, p, w: sk.matthews_corrcoef(y, p.argmax(1), sample_weight=w), CLASSES),
    *(("cohens_kappa", {"weights": name or "none"}, kappa(name), CLASSES) for name in (None, "linear", "quadratic")),
    ("confusion_matrix", {}, confusion("true"), CLASSES),
    ("confusion_matrix", {"normalize": "predicted"}, confusion("pred"), CLASSES),
    ("confusion_matrix", {"normalize": "all"}, confusion("all"), CLASSES),
    ("ece", {}, ece(15), CLASSES),
    ("ece", {"bins": 4}, ece(4), CLASSES),
    *((name, {}, score(theirs, average="macro"), ALL) for name, theirs in DETECTION.items()),
    *(
        (name, {"average": average}, score(theirs, average=average, labels=None), ALL)
        for name, theirs in DETECTION.items()
        for average in ("macro", "weighted", "micro")
    ),
    *(
        (name, {"average": "per_class"}, score(theirs, average=None, labels=[0, 1, 2]), ("three",))
        for name, theirs in DETECTION.items()
    ),
    *((name, {"positive": "b"}, score(theirs, average="macro", labels=[1]), ALL) for name, theirs in DETECTION.items()),
    ("fbeta", {}, score(sk.fbeta_score, beta=2.0, average="macro"), ALL),
    ("fbeta", {"beta": 0.5, "average": "macro"}, score(sk.fbeta_score, beta=0.5, average="macro", labels=None), ALL),
    ("fbeta", {"positive": "a"}, score(sk.fbeta_score, beta=2.0, average="macro", labels=[0]), ALL),
    *(
        (name, {"average": average}, of_tables(formula, average), ALL)
        for name, formula in (("specificity", specificity), ("npv", npv))
        for average in ("macro", "weighted", "micro", "per_class")
    ),
    *(
        (name, {"positive": "b"}, second(of_tables(formula, None)), ALL)
        for name, formula in (("specificity", specificity), ("npv", npv))
    ),
    *(
        (name, {}, area(theirs), ("binary", "multilabel"))
        for name, theirs in (("average_precision", sk.average_precision_score), ("roc_auc", sk.roc_auc_score))
    ),
    *(
        (
            "roc_auc",
            {"average": average},
            area(sk.roc_auc_score, average=average, multi_class="ovr"),
            (PRESENT, "multilabel"),
        )
        for average in ("macro", "weighted", "micro")
    ),
    *(
        (
            "average_precision",
            {"average": average},
            area(sk.average_precision_score, average=average),
            (PRESENT, "multilabel"),
        )
        for average in ("macro", "weighted", "micro")
    ),
    ("roc_auc", {"average": "per_class"}, each(sk.roc_auc_score), (PRESENT,)),
    ("roc_auc", {"positive": "c"}, lambda y, p, w: each(sk.roc_auc_score)(y, p, w)[2], (PRESENT,)),
    ("average_precision", {"average": "per_class"}, each(sk.average_precision_score), (PRESENT,)),
    ("average_precision", {"positive": "b"}, second(each(sk.average_precision_score)), (PRESENT,)),
    ("roc_auc", {"multiclass": "ovo"}, ovo("macro"), (PRESENT,)),
    ("roc_auc", {"multiclass": "ovo", "average": "weighted"}, ovo("weighted"), (PRESENT,)),
]


def cases(kind):
    """Return the schema and rows of four cases, of which two have weights."""
    for seed in (1, 5, 3, 7) if kind == PRESENT else range(4):
        predictions, targets, weights = rows_of(kind if kind in ALL else "multiclass", seed)
        if kind == "three":
            predictions = predictions[:, :3] / predictions[:, :3].sum(axis=1, keepdims=True)
            targets = targets % 3
        schema = schema_of(kind if kind in ALL else "multiclass", predictions.shape[1])
        yield schema, predictions, targets, weights if seed % 4 < 2 else None


@pytest.mark.parametrize(
    ("name", "options", "theirs", "kinds"),
    CASES,
    ids=["-".join((name, *map(str, options.values()))) for name, options, *_ in CASES],
)
def test_a_metric_of_classes_has_the_number_of_scikit_learn(name, options, theirs, kinds):
    for kind in kinds:
        for schema, predictions, targets, weights in cases(kind):
            kept = np.ones(len(targets)) if weights is None else weights
            counts = kept > 0  # one of weight 0 is as if it were absent
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about odd rows
                expected = theirs(targets[counts], predictions[counts], kept[counts])
            metric = gmcore.float64.metric_computers.create(name, **options).bind(schema)
            found = list(metric.compute(predictions, targets, weights).values())
            # scikit-learn's confusion matrix has 0 for a class without rows.
            found = np.nan_to_num(found) if name == "confusion_matrix" else found
            assert list(found) == pytest.approx(list(np.atleast_1d(expected)), **CLOSE), (kind, weights is None)


def test_every_registered_metric_of_classes_is_compared_with_all_its_options():
    compared = {name for name, *_ in CASES}
    schema = schema_of("multiclass", 3)
    assert compared == set(metrics.fitting_metrics(schema, gmcore.float64.metric_computers))
    for name in compared:
        fields = attrs.fields(gmcore.float64.metric_computers[name])
        used = {option for one, options, *_ in CASES if one == name for option in options}
        assert not {field.name for field in fields if field.init} - used, name
