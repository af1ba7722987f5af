"""A script with scikit-learn that does what a command of gmcore does with an example: `EXAMPLE PATH_OF_THE_CSV`.

The same network, batch size, epochs, early stopping, folds and metrics. scikit-learn has neither dropout nor decoupled
weight decay nor SiLU nor schedules for Adam, so it has less to compute.
"""

import csv
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main(example, path):
    warnings.simplefilter("ignore", ConvergenceWarning)
    {"breast_cancer": breast_cancer, "digits": digits}[example](path)


def breast_cancer(path):
    x, y = read(path, "diagnosis")
    network = MLPClassifier(
        (32,),
        batch_size=64,
        max_iter=60,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=10,
        random_state=7,
    )
    model = make_pipeline(StandardScaler(), network).fit(x, y)
    probabilities = model.predict_proba(x)
    accuracy = accuracy_score(y, model.classes_[probabilities.argmax(axis=1)])
    auc = roc_auc_score(y == model.classes_[1], probabilities[:, 1])
    print(f"accuracy {accuracy:.4f}, log loss {log_loss(y, probabilities):.4f}, ROC AUC {auc:.4f}")


def digits(path):
    x, y = read(path, "digit")
    network = MLPClassifier(
        (256,), batch_size=64, max_iter=40, learning_rate_init=3e-3, tol=0.0, n_iter_no_change=40, random_state=7
    )
    folds = StratifiedKFold(10, shuffle=True, random_state=7)
    scores = cross_validate(
        make_pipeline(StandardScaler(), network), x, y, cv=folds, scoring=("accuracy", "neg_log_loss")
    )
    print(f"accuracy {scores['test_accuracy'].mean():.4f}, log loss {-scores['test_neg_log_loss'].mean():.4f}")


def read(path, target):
    with Path(path).open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    place = head.index(target)
    y = np.array([row.pop(place) for row in rows])
    return np.array(rows, dtype=np.float32), y


if __name__ == "__main__":
    main(*sys.argv[1:])
