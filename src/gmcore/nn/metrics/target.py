"""Which targets a metric accepts: classes, labels or numbers."""

from typing import Protocol, TypeVar

from gmcore.domain import Schema, TargetKind
from gmcore.errors import ConfigError

__all__ = ["needs_classes", "needs_labels", "needs_numbers"]

_HELD = {TargetKind.REGRESSION: "numbers", TargetKind.MULTILABEL: "several labels"}


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Metric = TypeVar("Metric", bound=_Named)


def needs_classes(metric: Metric, schema: Schema) -> Metric:
    """Return the metric itself if the target is a class.

    In a metric that needs nothing else of the schema, `bind = needs_classes` is the whole method.

    Raises:
        ConfigError: if the target holds numbers or several labels.
    """
    if not schema.target.is_classification:
        raise _misfit(metric, schema, needed="classes")
    return metric


def needs_numbers(metric: Metric, schema: Schema) -> Metric:
    """Return the metric itself if the target holds numbers.

    In a metric that needs nothing else of the schema, `bind = needs_numbers` is the whole method.

    Raises:
        ConfigError: if the target holds classes or labels.
    """
    if not schema.target.is_regression:
        raise _misfit(metric, schema, needed="numbers")
    return metric


def needs_labels(metric: Metric, schema: Schema) -> Metric:
    """Return the metric itself if the target is a class or several labels.

    Raises:
        ConfigError: if the target holds numbers.
    """
    if schema.target.is_regression:
        raise _misfit(metric, schema, needed="classes")
    return metric


def _misfit(metric: _Named, schema: Schema, *, needed: str) -> ConfigError:
    found = _HELD.get(schema.target.kind, "classes")
    names = [f"'{name}'" for name in schema.target.names]
    target = f"target {names[0]} holds" if len(names) == 1 else f"targets {', '.join(names)} hold"
    return ConfigError([f"metric '{metric.name}' needs {needed}, and the {target} {found}"])
