"""Which registered metrics fit a target: the default ones, all of them, and advice for a metric that doesn't."""

from collections.abc import Mapping
from contextlib import suppress

from gmcore.domain import Schema, TargetKind
from gmcore.errors import InputError
from gmcore.ports import MetricComputer
from gmcore.registry import Registry

__all__ = ["default_metrics", "fitting_metrics", "use_instead"]


def default_metrics(schema: Schema) -> tuple[str, ...]:
    """Return the names of the metrics of a run that names none."""
    if schema.target.kind is TargetKind.REGRESSION:
        return ("rmse", "mae", "r2")
    if schema.target.kind is TargetKind.MULTILABEL:
        return ("accuracy", "log_loss")
    return ("accuracy", "balanced_accuracy", "log_loss", "roc_auc")


def fitting_metrics(schema: Schema, registry: Registry[MetricComputer]) -> Mapping[str, MetricComputer]:
    """Return the registered metrics that accept the schema's target, by name, with default options and bound.

    All registered metrics are imported to find out; those that can't be, or need options, are left out.
    """
    found = {}
    for name in sorted(registry):
        with suppress(InputError):
            found[name] = registry.create(name).bind(schema)
    return found


def use_instead(metric: MetricComputer, schema: Schema, registry: Registry[MetricComputer]) -> str:
    """Return the end of a message about a metric that can't be bound to a schema, such as `: use rmse, mae or r2`.

    It names the default metrics of the target, or all that fit if none of these is registered. It is empty if no
    registered metric fits the target, or if the metric does with default options.
    """
    fitting = fitting_metrics(schema, registry)
    if not fitting or any(type(metric) is type(other) for other in fitting.values()):
        return ""
    *others, last = [name for name in default_metrics(schema) if name in fitting] or fitting
    return f": use {', '.join(others)} or {last}" if others else f": use {last}"
