"""Metrics of numbers agree with scikit-learn and SciPy to 1e-12: float64 sums in another order differ less."""

import warnings

import attrs
import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

import gmcore
from gmcore.builtins import metrics
from gmcore.domain import Feature, Schema, Target, TargetKind

CLOSE = {"rel": 1e-12, "abs": 1e-12, "nan_ok": True}
SCHEMA = Schema(features=(Feature(name="x"),), target=Target(names=("y",), kind=TargetKind.REGRESSION))


def repeated(function):
    """Return the mean over targets of a function that takes no weights, of rows repeated as often as they weigh."""

    def of(y, p, w):
        columns = (np.repeat(array, (4 * w).astype(int), axis=0).T for array in (p, y))
        return np.mean([function(*column) for column in zip(*columns, strict=True)])

    return of


def weighted(function, **options):
    return lambda y, p, w: function(y, p, sample_weight=w, **options)


# The metric, its options and the number of scikit-learn, or of SciPy where that has none.
CASES = [
    ("mse", {}, weighted(sk.mean_squared_error)),
    ("rmse", {}, weighted(sk.root_mean_squared_error)),
    ("mae", {}, weighted(sk.mean_absolute_error)),
    ("mape", {}, weighted(sk.mean_absolute_percentage_error)),
    ("msle", {}, weighted(sk.mean_squared_log_error)),
    ("quantile_loss", {}, weighted(sk.mean_pinball_loss)),
    ("quantile_loss", {"quantile": 0.9}, weighted(sk.mean_pinball_loss, alpha=0.9)),
    ("median_absolute_error", {}, weighted(sk.median_absolute_error)),
    ("max_error", {}, repeated(lambda p, y: sk.max_error(y, p))),
    ("nmae", {}, repeated(lambda p, y: np.mean(np.abs(p - y)) / (y.max() - y.min()) if np.ptp(y) else np.nan)),
    ("r2", {}, weighted(sk.r2_score)),
    ("explained_variance", {}, weighted(sk.explained_variance_score)),
    ("pearson", {}, repeated(lambda p, y: stats.pearsonr(p, y).statistic)),
    ("spearman", {}, repeated(lambda p, y: stats.spearmanr(p, y).statistic)),
]


def rows_of(seed, *, above=None):
    """Return predicted and true values of one to three targets with many ties, and weights in quarters."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(3, 40)), int(rng.integers(1, 4))
    predictions, targets = np.round(rng.normal(0, 3, (2, *shape)), seed % 3)
    predictions += seed % 4 * 100
    targets[:, 0] = 7.0 if seed == 5 else targets[:, 0]
    weights = rng.integers(0, 8, shape[0]) / 4
    weights[:2] = 1.0
    if above is not None:
        predictions, targets = np.abs(predictions) + above, np.abs(targets) + above
    return predictions, targets, weights


@pytest.mark.parametrize(
    ("name", "options", "theirs"),
    CASES,
    ids=["-".join((name, *map(str, options.values()))) for name, options, _ in CASES],
)
@pytest.mark.parametrize("has_weights", [True, False])
def test_a_metric_of_numbers_has_the_number_of_scikit_learn(name, options, theirs, has_weights):
    metric = gmcore.float64.metric_computers.create(name, **options).bind(SCHEMA)
    for seed in range(6):
        # No value is below the -1 whose logarithm is undefined.
        predictions, targets, weights = rows_of(seed, above=-0.5 if name == "msle" else None)
        weights = weights if has_weights else None
        kept = np.ones(len(targets)) if weights is None else weights
        counts = kept > 0  # one of weight 0 is as if it were absent
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd rows
            expected = theirs(targets[counts], predictions[counts], kept[counts])
        found = metric.compute(predictions, targets, weights)
        assert found == {metric.name: pytest.approx(expected, **CLOSE)}, seed


def test_every_registered_metric_of_numbers_is_compared_with_all_its_options():
    assert {name for name, *_ in CASES} == set(metrics.fitting_metrics(SCHEMA, gmcore.float64.metric_computers))
    for name in {name for name, *_ in CASES}:
        fields = attrs.fields(gmcore.float64.metric_computers[name])
        used = {option for one, options, _ in CASES if one == name for option in options}
        assert not {field.name for field in fields if field.init} - used, name
