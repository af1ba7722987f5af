"""The numbers that a metric computes, checked: a mapping from name to number, with the same names at every call."""

from collections.abc import Iterable, Mapping
from typing import overload

import numpy as np

from gmcore.domain import Rows
from gmcore.errors import TrainingError
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.places import by_place, repeated
from gmcore.ports import MetricComputer, SupportsDirection

__all__ = ["check_same_names", "metric_numbers", "score"]

_NUMPY = NumPyNamespace("float64")


def score(
    metrics: Iterable[MetricComputer], predictions: np.ndarray, rows: Rows, indices: np.ndarray
) -> Mapping[str, float]:
    """Return the metrics by name of predictions for the rows at `indices`; empty without rows or targets.

    Raises:
        TrainingError: if a metric does not return numbers, or two metrics return the same name.
    """
    if rows.targets is None or not len(indices):
        return {}
    shape, targets = rows.schema.target.shape, by_place(rows.targets[indices], rows.schema.target.shape, xp=_NUMPY)
    weights = None if rows.weights is None else repeated(rows.weights[indices], shape, xp=_NUMPY)
    predictions = by_place(predictions, shape, xp=_NUMPY)
    found: dict[str, float] = {}
    for metric in metrics:
        numbers = metric_numbers(metric, predictions, targets, weights)
        if clash := (found.keys() | {"loss"}) & numbers.keys():
            raise TrainingError(f"two metrics return '{min(clash)}', or one returns the name of the model's loss")
        found |= numbers
    return found


def metric_numbers(
    metric: MetricComputer, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Return what a metric computes, as Python floats by name; arguments as for `MetricComputer.compute`.

    Raises:
        TrainingError: if it is not a mapping from names to numbers, or does not have the names that the metric states;
            the message has the metric's name.
    """
    # Read-only, so that no metric changes what the next one, or training, sees.
    computed: object = metric.compute(_read_only(predictions), _read_only(targets), _read_only(weights))
    name = _name(metric)
    if not isinstance(computed, Mapping):
        raise TrainingError(f"the metric {name} must return numbers by name, got {_shown(computed)}")
    if not computed:
        raise TrainingError(f"the metric {name} must return at least one number, got none")
    for key, value in computed.items():
        if not isinstance(key, str):
            raise TrainingError(f"the metric {name} must return numbers by name, got the name {_shown(key)}")
        if not _is_number(value):
            raise TrainingError(f"the metric {name} must return a number as '{key}', got {_shown(value)}")
    if isinstance(metric, SupportsDirection) and set(computed) != set(metric.higher_is_better):
        raise TrainingError(
            f"the metric {name} must return the numbers of its higher_is_better, {_names(metric.higher_is_better)}, "
            f"got {_names(computed)}"
        )
    return {key: float(value) for key, value in computed.items()}


@overload
def _read_only(array: np.ndarray) -> np.ndarray: ...
@overload
def _read_only(array: None) -> None: ...
def _read_only(array: np.ndarray | None) -> np.ndarray | None:
    if array is None:
        return None
    view = array.view()
    view.flags.writeable = False
    return view


def check_same_names(scores: Iterable[Mapping[str, float]]) -> None:
    """Raise unless all scores have the same names; empty ones, of no rows, are left out.

    Raises:
        TrainingError: with the names that differ.
    """
    found = [one for one in scores if one]
    for one in found[1:]:
        if set(one) != set(found[0]):
            raise TrainingError(
                f"the metrics must return the same names at every call, got {_names(found[0])}, then {_names(one)}"
            )


def _name(metric: MetricComputer) -> str:
    function = getattr(metric, "function", None)
    return str(getattr(function, "__name__", None) or type(metric).__name__)


def _is_number(value: object) -> bool:
    # A 0-dimensional array of any library is a number, too.
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return False
    return array.ndim == 0 and array.dtype.kind in "fiu"


def _shown(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"{value!r:.60}"


def _names(names: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, names)))
