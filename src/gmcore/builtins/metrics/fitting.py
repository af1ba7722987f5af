"""Which metrics fit which target, and which rows count."""

import numpy as np

from gmcore.domain import Array, Schema, TargetKind
from gmcore.errors import ConfigError
from gmcore.ports import Namespace

__all__ = ["average", "counted", "default_metrics", "needs_classes", "needs_numbers", "ratio", "total"]

_FOR_CLASSES = ("accuracy", "balanced_accuracy", "f1", "log_loss", "precision", "recall", "roc_auc")
_FOR_NUMBERS = ("mae", "mse", "r2", "rmse")


def default_metrics(schema: Schema) -> tuple[str, ...]:
    """Return the names of the metrics to compute where none were asked for."""
    if schema.target.kind is TargetKind.REGRESSION:
        return ("rmse", "mae", "r2")
    return ("accuracy", "balanced_accuracy", "log_loss", "roc_auc")


def needs_classes(name: str, schema: Schema) -> None:
    """Raise `ConfigError` unless the target is a class."""
    if not schema.target.is_classification:
        raise _misfit(name, schema, needed="classes", found="numbers", fitting=_FOR_NUMBERS)


def needs_numbers(name: str, schema: Schema) -> None:
    """Raise `ConfigError` unless the target is a number."""
    if schema.target.is_classification:
        raise _misfit(name, schema, needed="numbers", found="classes", fitting=_FOR_CLASSES)


def counted(
    predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions, targets and weights of the rows that weigh more than 0, weights 1 without any."""
    if weights is None:
        return np.asarray(predictions, np.float64), targets, np.ones(len(targets))
    counts = weights > 0
    return np.asarray(predictions, np.float64)[counts], targets[counts], np.asarray(weights, np.float64)[counts]


def average(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted mean, NaN of no rows."""
    return float(np.average(values, weights=weights)) if len(values) else float("nan")


def total(values: Array, weights: Array, *, xp: Namespace) -> Array:
    """Return the weighted sum over the first axis; a row that weighs 0 adds nothing, whatever its value."""
    counts = xp.reshape(weights, (-1, *(1,) * (values.ndim - 1)))
    return xp.sum(xp.where(counts > 0, counts * values, 0.0), axis=0)


def ratio(part: np.ndarray, whole: np.ndarray, nothing: float = np.nan) -> np.ndarray:
    """Return `part / whole`, and `nothing` where the whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, nothing), where=whole != 0))


def _misfit(name: str, schema: Schema, *, needed: str, found: str, fitting: tuple[str, ...]) -> ConfigError:
    target = ", ".join(f"'{column}'" for column in schema.target.names)
    return ConfigError(
        [f"metric '{name}' needs {needed}, and the target {target} holds {found}: {', '.join(fitting)} fit"]
    )
