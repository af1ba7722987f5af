"""Metrics that are sums give the numbers of all predictions on every backend, for several members at once."""

import numpy as np
import pytest

import gmcore
from gmcore.builtins import metrics
from gmcore.domain import Feature, Schema, Target, TargetKind
from gmcore.ports import SupportsSums

CLASSES = tuple("abcd")
# The same sums as those of `specificity` and `matthews`.
SHARED = {"cohens_kappa", "f1", "fbeta", "npv", "precision", "recall"}
# Probabilities of float32, and sums of 64 of them.
CLOSE = {"rel": 2e-5, "abs": 1e-6}


def schema_of(kind):
    names, classes = (CLASSES, ()) if kind is TargetKind.MULTILABEL else (("target",), CLASSES)
    if kind is TargetKind.REGRESSION:
        names, classes = ("one", "two", "three", "four"), ()
    return Schema(features=(Feature(name="x"),), target=Target(names=names, kind=kind, classes=classes))


def rows_of(kind):
    """Return predictions, targets and weights of three members, the last rows of which only pad, with NaN."""
    rng = np.random.default_rng(0)
    predictions = rng.dirichlet(np.ones(4), (3, 64)).astype(np.float32)
    targets = rng.integers(0, 4, (3, 64)).astype(np.int32)
    if kind is not TargetKind.MULTICLASS:
        targets = rng.integers(0, 2, (3, 64, 4)).astype(np.float32)
    if kind is TargetKind.REGRESSION:
        targets = predictions + rng.normal(0.3, 0.2, (3, 64, 4)).astype(np.float32) ** 2
    weights = rng.uniform(0.5, 2.0, (3, 64)).astype(np.float32)
    weights[:, -5:], predictions[:, -5:] = 0.0, np.nan
    return predictions, targets, weights


@pytest.mark.parametrize("kind", [TargetKind.MULTICLASS, TargetKind.MULTILABEL, TargetKind.REGRESSION])
def test_sums_on_a_backend_give_the_numbers_of_all_rows(backend, kind):
    fitting = metrics.fitting_metrics(schema_of(kind), gmcore.float64.metric_computers)
    summed = {name: fitting[name] for name in sorted(set(fitting) - SHARED) if isinstance(fitting[name], SupportsSums)}
    rows = rows_of(kind)
    center = 0.5 if kind is TargetKind.REGRESSION else 0.0

    def sums(predictions, targets, weights):
        return {
            name: metric.sums(predictions, targets, weights, center=center, xp=backend.xp)
            for name, metric in summed.items()
        }

    found = backend.to_numpy(backend.vmap(sums)(*backend.asarray(rows)))
    for name, metric in summed.items():
        numbers = metric.of_sums({part: np.asarray(values, np.float64) for part, values in found[name].items()})
        for member in range(3):
            expected = metric.compute(*(array[member] for array in rows))
            assert {one: values[member] for one, values in numbers.items()} == pytest.approx(expected, **CLOSE), name
