"""The networks, rows, folds and initial weights of all sides."""

import csv
import itertools
from pathlib import Path

import numpy as np

__all__ = [
    "BATCH",
    "FOLDS",
    "NETWORKS",
    "RATE",
    "SIZES",
    "digits",
    "folds",
    "log_loss",
    "random_rows",
    "standardised",
    "starting_weights",
]

NETWORKS = {
    "10-16-2 batch 8": {"sizes": (10, 16, 2), "batch": 8, "steps": 256, "epochs": 24},
    "64-128-64-10 batch 64": {"sizes": (64, 128, 64, 10), "batch": 64, "steps": 64, "epochs": 12},
    "256-512-512-10 batch 256": {"sizes": (256, 512, 512, 10), "batch": 256, "steps": 16, "epochs": 6},
    "784-1024-1024-10 batch 512": {"sizes": (784, 1024, 1024, 10), "batch": 512, "steps": 8, "epochs": 5},
}

# The cross-validation: digits, 64-64-10.
SIZES, BATCH, FOLDS, RATE = (64, 64, 10), 64, 10, 1e-3
_DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.csv"


def random_rows(sizes, count):
    """Return inputs `(count, sizes[0])`, float32, and classes `(count,)`, int32."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, sizes[0])).astype(np.float32), rng.integers(0, sizes[-1], count).astype(np.int32)


def starting_weights(sizes, seed):
    """Return each layer's weight `(out, in)` and bias, uniform within 1 / sqrt(in), as in torch and gmcore."""
    rng = np.random.default_rng(seed)
    layers = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        limit = 1 / np.sqrt(fan_in)
        layers.append(
            tuple(rng.uniform(-limit, limit, shape).astype(np.float32) for shape in ((fan_out, fan_in), (fan_out,)))
        )
    return layers


def digits():
    """Return the 1797 handwritten digits: pixels `(rows, 64)`, float32, and classes `(rows,)`, int64."""
    with _DIGITS.open(newline="") as file:
        rows = [list(map(float, row.values())) for row in csv.DictReader(file)]
    table = np.array(rows, np.float32)
    return table[:, :-1], table[:, -1].astype(np.int64)


def folds(count, n_splits=FOLDS):
    """Return `(train, held out)` row indices of each fold: shuffled, the same for all sides."""
    parts = np.array_split(np.random.default_rng(7).permutation(count), n_splits)
    return [(np.concatenate(parts[:place] + parts[place + 1 :]), parts[place]) for place in range(n_splits)]


def standardised(x, train):
    """Return all rows standardised by the training rows; a constant column becomes 0."""
    mean, scale = x[train].mean(0), x[train].std(0)
    return ((x - mean) / np.where(scale > 0, scale, 1)).astype(np.float32)


def log_loss(log_probabilities, targets):
    """Return the mean over rows of the negative log probability of the true class, in nats."""
    return float(-np.mean(np.asarray(log_probabilities, np.float64)[np.arange(len(targets)), targets]))
