"""Weights of the rows of each class, or of each pair of an actual and a predicted class."""

from collections.abc import Mapping

from gmcore.domain import Array
from gmcore.nn.metrics.weighted_rows import total
from gmcore.ports import Namespace

__all__ = ["LIKELY", "class_counts", "confusion_counts"]

LIKELY = 0.5
"""The probability from which on a row is predicted to have a label."""


def class_counts(predictions: Array, targets: Array, weights: Array, *, xp: Namespace) -> Mapping[str, Array]:
    """Return the weights of the rows by class, `(classes,)` each, or by label.

    Args:
        predictions: probabilities, `(batch, classes)`; a row's most probable class is predicted, the first of equally
            probable ones, or all its labels that are at least as probable as not.
        targets: class indices, `(batch,)`, or labels, `(batch, labels)`, above 0 for those that a row has.
        weights: `(batch,)`.
        xp: the backend's namespace.

    Returns:
        `right`: the rows of a class that were predicted to be of it; `predicted`: all rows predicted to be of it;
        `actual`: all rows of it; `unpredicted` and `others`: the rows that are not in these two; and `all`: all rows,
        a single number. No sum is a difference, so that of no rows is exactly 0.
    """
    if targets.ndim > 1:
        had, predicted = (xp.astype(flags, xp.float) for flags in (targets > 0, predictions >= LIKELY))
        parts = {
            "right": had * predicted,
            "predicted": predicted,
            "actual": had,
            "unpredicted": 1 - predicted,
            "others": 1 - had,
        }
        return {name: total(part, weights, xp=xp) for name, part in parts.items()} | {"all": xp.sum(weights)}
    classes, found = predictions.shape[-1], xp.argmax(predictions, axis=-1)
    predicted, actual = (xp.segment_sum(weights, rows, classes) for rows in (found, targets))
    return {
        "right": xp.segment_sum(weights * xp.astype(found == targets, xp.float), targets, classes),
        "predicted": predicted,
        "actual": actual,
        "unpredicted": _of_others(predicted, xp=xp),
        "others": _of_others(actual, xp=xp),
        "all": xp.sum(weights),
    }


def _of_others(sums: Array, *, xp: Namespace) -> Array:
    """Return for each class the sum over all other classes, `(classes,)`: those before and those after it."""

    def before(values: Array) -> Array:
        return xp.concat([xp.zeros((1,)), xp.cumsum(values, axis=0)[:-1]])

    return before(sums) + xp.flip(before(xp.flip(sums, axis=0)), axis=0)


def confusion_counts(predictions: Array, targets: Array, weights: Array, *, xp: Namespace) -> Array:
    """Return the weight of the rows of each class that were predicted to be of each, `(actual, predicted)`.

    Args:
        predictions: probabilities, `(batch, classes)`.
        targets: class indices, `(batch,)`.
        weights: `(batch,)`.
        xp: the backend's namespace.
    """
    classes = predictions.shape[-1]
    cells = targets * classes + xp.argmax(predictions, axis=-1)
    return xp.reshape(xp.segment_sum(weights, cells, classes * classes), (classes, classes))
