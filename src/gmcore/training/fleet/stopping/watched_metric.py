"""The metric that early stopping compares, computed on the host from the predictions for the stop rows."""

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np

from gmcore.domain import EarlyStoppingConfig, Member, Rows
from gmcore.errors import ConfigError, TrainingError, did_you_mean
from gmcore.ports import MetricComputer, SupportsDirection, TrainingTask
from gmcore.training.metric_numbers import score

__all__ = ["WatchedMetric", "problems_of_watched"]


@attrs.frozen(kw_only=True)
class WatchedMetric:
    """The metric that early stopping compares.

    Attributes:
        name: of the number.
        higher_is_better: whether members with higher values are better.
        metrics: those that may compute it, bound to the target.
    """

    name: str
    higher_is_better: bool
    metrics: tuple[MetricComputer, ...]

    @classmethod
    def of(cls, task: TrainingTask) -> "WatchedMetric | None":
        """Return a task's; None if it compares the stop loss.

        Raises:
            ConfigError: if no metric of the task computes the number, or none says which values are better.
        """
        stopping = task.config.early_stopping
        if stopping is None or stopping.metric is None:
            return None
        stated = {
            name: (better, metric)
            for metric in task.metrics
            if isinstance(metric, SupportsDirection)
            for name, better in metric.higher_is_better.items()
        }
        known: dict[str, bool | None] = {name: better for name, (better, _) in stated.items()}
        others = tuple(metric for metric in task.metrics if not isinstance(metric, SupportsDirection))
        if stopping.metric not in stated and others:  # functions, whose names are known when they are called
            known[stopping.metric] = None if stopping.mode == "auto" else stopping.mode == "max"
        if problems := list(problems_of_watched(stopping, known)):
            raise ConfigError(problems)
        higher = known[stopping.metric] if stopping.mode == "auto" else stopping.mode == "max"
        own = (stated[stopping.metric][1],) if stopping.metric in stated else others
        return cls(name=stopping.metric, higher_is_better=bool(higher), metrics=own)

    def values(self, predictions: np.ndarray, rows: Rows, members: Sequence[Member]) -> np.ndarray:
        """Return each member's number, `(members,)` float64; NaN for one without stop rows, or that has failed.

        Args:
            predictions: for the members' stop rows and padding, `(members, rows, *output_shape)`.
            rows: all rows.
            members: the chunk's.

        Raises:
            TrainingError: if the metrics do not compute the number.
        """
        found = np.full(len(members), np.nan)
        for place, member in enumerate(members):
            own = predictions[place, : len(member.stop)]
            if len(own) and np.isfinite(own).all():
                numbers = score(self.metrics, own, rows, member.stop)
                if self.name not in numbers:
                    computed = ", ".join(numbers)
                    raise TrainingError(f"early stopping compares '{self.name}', the metrics compute {computed}")
                found[place] = numbers[self.name]
        return found

    def lower_is_better(self, values: np.ndarray) -> np.ndarray:
        """Return values of which lower ones are better."""
        return -values if self.higher_is_better else values


def problems_of_watched(stopping: EarlyStoppingConfig, directions: Mapping[str, bool | None]) -> Iterator[str]:
    """Yield what is wrong with the metric that early stopping compares.

    Args:
        stopping: the options.
        directions: whether higher values are better, by the names of the run's numbers; None if that is not known.
    """
    name = stopping.metric
    if name is None:
        return
    where = "training.early_stopping"
    if name not in directions:
        hint = did_you_mean(name, directions)
        yield f"{where}.metric: the run's metrics, see metrics.use, do not compute '{name}'{hint}"
    elif directions[name] is None and stopping.mode == "auto":
        yield f'{where}.mode: the metric \'{name}\' does not say which values are better: set mode to "min" or "max"'
    elif stopping.mode != "auto" and directions[name] not in (None, stopping.mode == "max"):
        better = "higher" if directions[name] else "lower"
        yield f"{where}.mode: {better} values of '{name}' are better: leave mode out, got \"{stopping.mode}\""
