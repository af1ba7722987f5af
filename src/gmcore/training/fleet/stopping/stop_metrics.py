"""Metrics of the stop rows, computed from sums that an epoch's program takes on the device."""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from gmcore.domain import Array, Member, Rows, Shape, Tree
from gmcore.domain.tree import tree_leaves, tree_map
from gmcore.errors import TrainingError
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.nn.places import by_place, repeated
from gmcore.ports import Namespace, SupportsSums, TrainingTask

__all__ = ["StopMetrics", "centers"]


@attrs.frozen(kw_only=True, eq=False)
class StopMetrics:
    """The metrics of a task that can be computed from sums; the others are computed after training only.

    Attributes:
        metrics: these metrics.
        outputs: shape of one row's prediction.
        shape: that of the target, each place of which counts like a row.
        targets: shape of one row's targets, and the kind of their dtype.
        xp: the backend's namespace.
    """

    metrics: tuple[SupportsSums, ...]
    outputs: Shape
    shape: Shape
    targets: tuple[tuple[int, ...], str]
    xp: Namespace

    @classmethod
    def of(cls, task: TrainingTask) -> "StopMetrics":
        """Return the stop metrics of a task."""
        metrics = tuple(metric for metric in task.metrics if isinstance(metric, SupportsSums))
        target = task.rows.targets
        assert target is not None  # noqa: S101 - the workflow refuses rows without targets
        targets, predicted = (target.shape[1:], target.dtype.kind), task.rows.schema.target
        return cls(
            metrics=metrics,
            outputs=predicted.output_shape,
            shape=predicted.shape,
            targets=targets,
            xp=task.backend.xp,
        )

    def sums(self, predictions: Array, targets: Array, weights: Array, center: Array | float) -> dict[str, Tree]:
        """Return one member's sums over a batch, by the metric's place: `"0"`, `"1"`, …."""
        predictions, targets = (by_place(array, self.shape, xp=self.xp) for array in (predictions, targets))
        weights = repeated(weights, self.shape, xp=self.xp)
        return {
            str(place): metric.sums(predictions, targets, weights, center=center, xp=self.xp)
            for place, metric in enumerate(self.metrics)
        }

    def zero_sums(self, members: int) -> dict[str, Tree]:
        """Return the sums before the first batch, with the members on the first axis."""
        xp, (shape, kind) = self.xp, self.targets
        target = xp.zeros((1, *shape), None if kind == "f" else xp.int32)
        one_row = self.sums(xp.zeros((1, *self.outputs)), target, xp.zeros((1,)), 0.0)
        return tree_map(lambda leaf: xp.zeros((members, *leaf.shape)), one_row)

    def values(self, sums: Mapping[str, Tree]) -> dict[str, np.ndarray]:
        """Return the metrics by name, `(members,)` each, from the sums over all batches, NumPy arrays.

        Raises:
            TrainingError: if a metric returns anything else than one number a member.
        """
        found: dict[str, np.ndarray] = {}
        with np.errstate(invalid="ignore", over="ignore"):
            for place, metric in enumerate(self.metrics):
                # Without any stop rows there are no sums at all.
                if str(place) in sums:
                    own = metric.of_sums(tree_map(lambda leaf: leaf.astype(np.float64), sums[str(place)]))
                    _check(metric, own, _members(sums[str(place)]))
                    found |= own
        return found


def _members(sums: Tree) -> int:
    return next((len(leaf) for leaf in tree_leaves(sums)), 0)


def _check(metric: SupportsSums, numbers: object, members: int) -> None:
    found = numbers if isinstance(numbers, Mapping) else {}
    arrays = {name: np.asarray(values) for name, values in found.items()}
    if not arrays or any(one.shape != (members,) or one.dtype.kind not in "fiu" for one in arrays.values()):
        shown = {name: f"{one.dtype} {one.shape}" for name, one in arrays.items()} or repr(numbers)
        raise TrainingError(
            f"of_sums of the metric {type(metric).__name__} must return arrays of numbers, {(members,)}, got {shown}"
        )


def centers(rows: Rows, members: Sequence[Member]) -> np.ndarray | None:
    """Return a value near the mean of each member's stop targets, `(members, targets)`; None for classes.

    It is the target nearest to the mean. Sums of squared differences from it keep their digits, and are exactly 0 if
    all targets are equal.
    """
    if rows.targets is None or not rows.schema.target.is_regression:
        return None
    shape = rows.schema.target.shape
    found = np.zeros((len(members), rows.schema.target.width))
    for place, member in enumerate(members):
        stop = member.stop if rows.weights is None else member.stop[rows.weights[member.stop] > 0]
        if len(stop):
            targets = by_place(np.asarray(rows.targets[stop], np.float64), shape, xp=NumPyNamespace())
            nearest = np.abs(targets - targets.mean(axis=0)).argmin(axis=0)
            found[place] = np.take_along_axis(targets, nearest[None], axis=0)[0]
    return found
