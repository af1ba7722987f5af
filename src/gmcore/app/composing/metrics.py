"""The metrics of a run: bound to its schema, and checked for unique names."""

import inspect
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np

from gmcore.builtins.metrics import use_instead
from gmcore.domain import Rows, Schema
from gmcore.errors import ConfigError, TrainingError
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.places import by_place
from gmcore.ports import MetricComputer, SupportsDirection
from gmcore.registry import Registry
from gmcore.training.metric_numbers import metric_numbers

__all__ = ["FunctionMetric", "bound_metrics", "directions"]

_ROWS = 100


@attrs.frozen(kw_only=True)
class FunctionMetric(MetricComputer):
    """A metric that is a Python function: `f(predictions, targets)` or `f(predictions, targets, weights)`.

    Its arguments are those of `MetricComputer.compute`. It returns a number, named as the function, or several numbers
    by name.

    Attributes:
        function: the function.
    """

    function: Callable[..., float | Mapping[str, float]]

    def bind(self, schema: Schema) -> "FunctionMetric":  # noqa: ARG002 - a function can be used for every target
        return self

    def compute(
        self, predictions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> Mapping[str, float]:
        takes_weights = len(inspect.signature(self.function).parameters) > 2  # noqa: PLR2004 - predictions and targets
        computed = self.function(predictions, targets, *([weights] if takes_weights else []))
        return computed if isinstance(computed, Mapping) else {self.function.__name__: computed}


def bound_metrics(
    metrics: Sequence[MetricComputer], rows: Rows, registry: Registry[MetricComputer]
) -> tuple[MetricComputer, ...]:
    """Return the metrics, bound to the schema of the rows.

    Args:
        metrics: the metrics, not bound.
        rows: all rows.
        registry: registry of metrics, from which error messages suggest others.

    Raises:
        ConfigError: if a metric does not suit the target, or two numbers have the same name; with all problems.
    """
    problems: list[str] = []
    bound: list[MetricComputer] = []
    owners: dict[str, int] = {}
    for place, metric in enumerate(metrics):
        try:
            # Of a target with a shape, a metric sees each place as a row.
            bound.append(metric.bind(attrs.evolve(rows.schema, target=rows.schema.target.of_one)))
        except ConfigError as error:
            instead = use_instead(metric, rows.schema, registry)
            problems += [f"metrics.use[{place}]: {problem}{instead}" for problem in error.problems]
            continue
        try:
            names = directions(bound[-1], rows)
        except TrainingError as error:
            problems.append(f"metrics.use[{place}]: {error}")
            continue
        for name in names:
            if name == "loss":
                problems.append(f"metrics.use[{place}]: the name 'loss' is reserved for the model's loss")
            elif name in owners:
                problems.append(
                    f"metrics.use[{place}]: computes '{name}', as metrics.use[{owners[name]}] does: change the options "
                    "of one of them, or remove it"
                )
            owners.setdefault(name, place)
    if problems:
        raise ConfigError(problems)
    return tuple(bound)


def directions(metric: MetricComputer, rows: Rows) -> dict[str, bool | None]:
    """Return whether higher values are better, by name, for each number of a metric; None if it does not state it.

    Such a metric is computed for uninformative predictions, to get the names.

    Raises:
        TrainingError: if it does not return numbers by name.
    """
    if isinstance(metric, SupportsDirection):
        return dict(metric.higher_is_better)
    assert rows.targets is not None  # noqa: S101 - training rows have targets
    targets, width = (
        by_place(rows.targets[:_ROWS], rows.schema.target.shape, xp=NumPyNamespace()),
        rows.schema.target.width,
    )
    return dict.fromkeys(metric_numbers(metric, np.full((len(targets), width), 1 / width), targets))
