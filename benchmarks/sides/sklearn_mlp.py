"""scikit-learn's `cross_validate(MLPClassifier)`."""

import itertools
import time

from problems import BATCH, NETWORKS, RATE, SIZES, digits, folds, random_rows
from sklearn.model_selection import cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

__all__ = ["cross_validation", "steps"]


def steps():
    """Measure microseconds per step: time of several epochs less that of one, since `fit` reports no epochs."""

    def measure(key):
        case = NETWORKS[key]
        x, y = random_rows(case["sizes"], case["batch"] * case["steps"])

        def seconds(epochs):
            network = MLPClassifier(
                case["sizes"][1:-1], solver="adam", alpha=0.0, batch_size=case["batch"], max_iter=epochs,
                n_iter_no_change=epochs + 1, tol=0.0, random_state=0,
            )  # fmt: skip
            begun = time.perf_counter()
            network.fit(x, y)
            return time.perf_counter() - begun

        epochs = max(3, case["epochs"] // 2)
        return {"us": (seconds(1 + epochs) - seconds(1)) / (epochs * case["steps"]) * 1e6, "setting": "float32"}

    return measure


def cross_validation(n_jobs, threads):
    """Measure the call without early stopping and without weight decay, as on all other sides."""
    x, y = digits()
    seeds = itertools.count()

    def measure(epochs):
        epochs = int(epochs)
        network = MLPClassifier(
            SIZES[1:-1], solver="adam", alpha=0.0, batch_size=BATCH, learning_rate_init=RATE, max_iter=epochs,
            early_stopping=False, n_iter_no_change=epochs + 1, tol=0.0, random_state=next(seeds),
        )  # fmt: skip
        begun = time.perf_counter()
        with threadpool_limits(threads):
            scores = cross_validate(
                make_pipeline(StandardScaler(), network), x, y, cv=folds(len(x)), n_jobs=n_jobs, scoring="neg_log_loss"
            )
        seconds = time.perf_counter() - begun
        return {"s": seconds, "log loss": -float(scores["test_score"].mean()), "setting": f"float32, n_jobs={n_jobs}"}

    return measure
