"""Metrics of the rows that training stops on, from sums that are taken within an epoch's program."""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from gmcore.domain import Array, Member, Rows, Tree
from gmcore.domain.tree import tree_map
from gmcore.ports import Namespace, SupportsSums, TrainingTask

__all__ = ["StopMetrics", "centers"]


@attrs.frozen(kw_only=True, eq=False)
class StopMetrics:
    """Those metrics of a task that can be had from sums; the others are computed when training is over.

    Attributes:
        metrics: which.
        width: how many numbers are predicted of a row.
        targets: shape and dtype's kind of a row's targets.
        xp: the backend's namespace.
    """

    metrics: tuple[SupportsSums, ...]
    width: int
    targets: tuple[tuple[int, ...], str]
    xp: Namespace

    @classmethod
    def of(cls, task: TrainingTask) -> "StopMetrics":
        """Return a task's."""
        able = tuple(metric for metric in task.metrics if isinstance(metric, SupportsSums))
        target = task.rows.targets
        assert target is not None  # noqa: S101 - what is trained has targets
        targets, width = (target.shape[1:], target.dtype.kind), task.rows.schema.target.width
        return cls(metrics=able, width=width, targets=targets, xp=task.backend.xp)

    def sums(self, predictions: Array, targets: Array, weights: Array, center: Array | float) -> dict[str, Tree]:
        """Return one member's sums over a batch: those of each metric, by its place."""
        return {
            str(place): metric.sums(predictions, targets, weights, center=center, xp=self.xp)
            for place, metric in enumerate(self.metrics)
        }

    def nothing(self, members: int) -> dict[str, Tree]:
        """Return the sums before the first batch, with the members on the first axis."""
        xp, (shape, kind) = self.xp, self.targets
        none = xp.zeros((1, *shape), None if kind == "f" else xp.int32)
        shapes = self.sums(xp.zeros((1, self.width)), none, xp.zeros((1,)), 0.0)
        return tree_map(lambda leaf: xp.zeros((members, *leaf.shape)), shapes)  # type: ignore[no-any-return]

    def read(self, sums: Mapping[str, Tree]) -> dict[str, np.ndarray]:
        """Return the metrics by name, `(members,)` each, from sums over all batches on the host."""
        found: dict[str, np.ndarray] = {}
        with np.errstate(invalid="ignore", over="ignore"):
            for place, metric in enumerate(self.metrics):
                if str(place) in sums:
                    found |= metric.of_sums(tree_map(lambda leaf: leaf.astype(np.float64), sums[str(place)]))
        return found


def centers(rows: Rows, members: Sequence[Member]) -> np.ndarray | None:
    """Return each member's stop targets that are nearest to their mean, `(members, targets)`; None of classes.

    Sums of squares that start from there keep their digits, and are 0 where all targets are equal.
    """
    if rows.targets is None or rows.schema.target.is_classification:
        return None
    found = np.zeros((len(members), *rows.targets.shape[1:]))
    for place, member in enumerate(members):
        if len(member.stop):
            targets = np.asarray(rows.targets[member.stop], np.float64)
            nearest = np.abs(targets - targets.mean(axis=0)).argmin(axis=0)
            found[place] = np.take_along_axis(targets, nearest[None], axis=0)[0]
    return found
